"""What the code of an execution is, by content: touching a file, or committing it as it is, changes nothing."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 1 << 20
_MEMO = ".content-"  # beside the snapshots, where names with a dot are no snapshots


def content_digest(snapshot: Path) -> str:
    """Of the files below a snapshot of code: names, bytes, what may be run, where links lead. Made once for each.

    Files that are ignored are not in a snapshot, and do not count.
    """
    memo = snapshot.parent / f"{_MEMO}{snapshot.name}"
    with suppress(OSError):
        known = memo.read_text()
        if len(known) == hashlib.sha256().digest_size * 2:
            return known
    total = hashlib.sha256()
    for name in sorted(_names(snapshot)):
        total.update(os.fsencode(name) + b"\0" + _entry(snapshot / name) + b"\0")
    digest = total.hexdigest()
    with suppress(OSError):  # the next one makes it again
        fresh = memo.with_name(f"{memo.name}.{os.getpid()}")
        fresh.write_text(digest)
        os.replace(fresh, memo)
    return digest


def _names(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in (*names, *links):
            yield os.path.relpath(os.path.join(place, name), folder)


def _entry(path: Path) -> bytes:
    if path.is_symlink():
        return b"link " + os.fsencode(os.readlink(path))
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        runs = os.fstat(file.fileno()).st_mode & 0o100
        while block := file.read(_BLOCK):
            digest.update(block)
    return (b"program " if runs else b"file ") + digest.hexdigest().encode()
