"""Who may read what localhai keeps: the home and what lies in it belong to one user of this machine."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = 0o700
FILE = 0o600
OTHERS = 0o077
_MARKS = ("localhai.db", "executions", "cache")  # one of them tells a home from a folder that is somebody else's too
_KEPT = ("localhai.db", "localhai.db-wal", "localhai.db-shm", "reuse.key")


def make_folder(folder: Path) -> None:
    """Make a folder and all that lead to it, each for us alone. One that is there stays as it is. Raises OSError."""
    try:
        _make_one(folder)
    except FileNotFoundError:
        if folder.parent == folder:  # a working directory that was taken away
            raise
        make_folder(folder.parent)
        _make_one(folder)  # also where another made the one above in between; in /proc it fails again


def _make_one(folder: Path) -> None:
    try:
        os.mkdir(folder, FOLDER)
    except FileExistsError:
        if not folder.is_dir():
            raise


def make_file(path: Path) -> None:
    """An empty file for us alone, for those who know no modes to open it; one that is there stays. Raises OSError."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE))


def kept(path: Path, make: Callable[[], bytes]) -> tuple[bytes, bool]:
    """The content of a secret file, made when it is missing, and whether it was made just now.

    Of several that make it at once the first wins; a power cut leaves it whole or not there. Raises OSError.
    """
    with suppress(FileNotFoundError):
        return path.read_bytes(), False
    from localhai.system import durable

    make_folder(path.parent)
    try:
        durable.write(path, make(), fresh=True)
    except FileExistsError:
        return path.read_bytes(), False
    return path.read_bytes(), True


def mend(home: Path) -> tuple[str, ...]:
    """Take away from other users what an earlier version left open; the names of what they could reach.

    A home with the setgid bit is shared with a group on purpose: it stays so. A folder that has other uses (that of
    all temporary files, a login folder, one without a home's contents) keeps its mode; files in it get theirs.
    """
    found = [name for name in _KEPT if _close(home / name, _wanted(home, FILE))]
    if _is_ours_alone(home) and _close(home, _wanted(home, FOLDER)):
        found.insert(0, str(home))
    return tuple(found) if any((home / mark).exists() for mark in _MARKS) else ()


def _wanted(home: Path, mode: int) -> int:
    with suppress(OSError):
        if home.stat().st_mode & stat.S_ISGID:
            return mode | mode >> 3 | (stat.S_ISGID if mode == FOLDER else 0)
    return mode


def _is_ours_alone(home: Path) -> bool:
    with suppress(OSError):
        if home.stat().st_mode & stat.S_ISVTX or home == Path.home():
            return False
        return any((home / mark).exists() for mark in _MARKS) or not any(home.iterdir())
    return False


def _close(path: Path, wanted: int) -> bool:
    """Whether it was open wider and is not any more. What is not ours, or on a disk without modes, stays."""
    with suppress(OSError):
        found = path.stat()
        mode = stat.S_IMODE(found.st_mode)
        if not mode & OTHERS & ~wanted or found.st_uid != os.geteuid():
            return False
        path.chmod(mode & (wanted | stat.S_IRWXU))
        return not path.stat().st_mode & OTHERS & ~wanted
    return False
