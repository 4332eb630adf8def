"""Names of files that a disk, or a person, takes for one although they are written in two ways.

The disks of macOS take `A.txt` and `a.txt` for one name, and `é` in one piece or as `e` with an accent; so do network
disks of Windows. Linux, and so every container, tells them apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase

PROBE = ".localhai-Probe-"


def composed(name: str) -> str:
    """A name with its accents in one piece (NFC), as people type it and Linux has it."""
    if name.isascii():
        return name
    import unicodedata

    return unicodedata.normalize("NFC", name)


def matches(name: str, pattern: str) -> bool:
    """Whether a name is like a pattern with `*`, `?` and `[...]`, capitals told apart, accents in either form."""
    return fnmatchcase(composed(name), composed(pattern))


def folded(name: str) -> str:
    """The same text for all names that some disk takes for one."""
    return composed(composed(name).casefold())


def alike(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of different names that some disk takes for one, each with the first of its kind."""
    first: dict[str, str] = {}
    found = []
    for name in dict.fromkeys(names):
        other = first.setdefault(folded(name), name)
        if other != name:
            found.append((other, name))
    return found


def folds(folder: str | os.PathLike[str]) -> bool:
    """Whether the disk of a folder takes `A` and `a` for one name. A file tells; False where none can be made."""
    probe = os.path.join(folder, f"{PROBE}{os.urandom(6).hex()}")
    try:
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return False
    try:
        return os.path.lexists(os.path.join(folder, os.path.basename(probe).lower()))
    finally:
        with suppress(OSError):
            os.unlink(probe)
