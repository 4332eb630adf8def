"""What the code of an execution is, by content: touching a file, or committing it as it is, changes nothing.

What only localhai reads is no code: its settings, samples that stand in for inputs (they count as inputs), reports that
it wrote. Of a notebook the cells count, not what running it put under them.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.settings import FILE_NAME
from localhai.system import durable, strict_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

REPORT_MARK = "localhai-assert"  # in reports that localhai writes for CI
_BLOCK = 1 << 20
_MEMO = ".counted-"  # beside the snapshots, where names with a dot are no snapshots
_HEAD = 512
_WILD = frozenset("*?[")


def own_files(project: Path, inputs: Mapping[str, str]) -> frozenset[str]:
    """Paths in the project that only localhai reads: its settings and what `[inputs]` names, files or folders."""
    found = {FILE_NAME}
    for target in inputs.values():
        with suppress(ValueError):
            found.add(Path(target.removeprefix("file://")).relative_to(project).as_posix())
    return frozenset(found - {"."})


def content_digest(snapshot: Path, own: Collection[str] = (FILE_NAME,)) -> str:
    """Of the files below a snapshot of code: names, bytes, what may be run, where links lead. Made once for each.

    Files that are ignored are not in a snapshot, and do not count; nor do those that are localhai's `own`.
    """
    left_out = hashlib.sha256("\0".join(sorted(own)).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    memo = snapshot.parent / f"{_MEMO}{left_out}-{snapshot.name}"
    with suppress(OSError):
        known = memo.read_text()
        if len(known) == hashlib.sha256().digest_size * 2:
            return known
    total = hashlib.sha256()
    for name in sorted(_names(snapshot, own)):
        total.update(os.fsencode(name) + b"\0" + _entry(snapshot / name) + b"\0")
    digest = total.hexdigest()
    with suppress(OSError):  # the next one makes it again
        durable.write(memo, digest.encode(), mode=0o644, synced=False)
    return digest


def code_changes(before: Path, after: Path, own: Collection[str] = (FILE_NAME,)) -> dict[str, list[str]]:
    """Files by which the digests of two snapshots differ: `added`, `removed`, `changed`."""
    left, right = set(_names(before, own)), set(_names(after, own))
    return {
        "added": sorted(right - left),
        "removed": sorted(left - right),
        "changed": [name for name in sorted(left & right) if _entry(before / name) != _entry(after / name)],
    }


def _names(folder: Path, own: Collection[str]) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in (*names, *links):
            path = os.path.relpath(os.path.join(place, name), folder)
            if not _is_own(path, own) and not _is_report(os.path.join(place, name)):
                yield path


def _is_own(path: str, own: Collection[str]) -> bool:
    parts = path.split("/")
    places = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    return any(place in own for place in places) or any(
        fnmatchcase(place, pattern) for pattern in own if _WILD & set(pattern) for place in places
    )


def _is_report(path: str) -> bool:
    if not path.endswith(".xml") or os.path.islink(path):
        return False
    with open(path, "rb") as file:
        return f'package="{REPORT_MARK}"'.encode() in file.read(_HEAD)


def _entry(path: Path) -> bytes:
    if path.is_symlink():
        return b"link " + os.fsencode(os.readlink(path))
    if path.suffix == ".ipynb":
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            return b"notebook " + hashlib.sha256(_cells(path)).hexdigest().encode()
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        runs = os.fstat(file.fileno()).st_mode & 0o100
        while block := file.read(_BLOCK):
            digest.update(block)
    return (b"program " if runs else b"file ") + digest.hexdigest().encode()


def _cells(path: Path) -> bytes:
    """What a notebook says, without what it showed when it ran. Raises ValueError, KeyError, TypeError."""
    document = json.loads(path.read_bytes())
    cells = [
        [cell["cell_type"], cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])]
        for cell in document["cells"]
    ]
    return strict_json.dumps(cells).encode()
