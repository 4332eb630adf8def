"""Copies of files and folders that cost as little as the disk allows: reflinks, else copies within the kernel."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from msgspec import Struct

from localhai.errors import DiskFull
from localhai.system import copies
from localhai.system.durable import is_full

OPEN_FOLDER = 0o777
OPEN_FILE = 0o666


class Size(Struct, frozen=True):
    """What a folder weighs: regular files, links and folders together count as `files`."""

    bytes: int
    files: int


def weigh(folder: str | os.PathLike[str], *, enough: Size) -> Size:
    """The size of a folder; stops counting once it is beyond `enough` in one of the two."""
    total = files = 0
    pending = [os.fspath(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                files += 1
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
        if total > enough.bytes or files > enough.files:
            break
    return Size(total, files)


def can_clone(source: str, folder: str) -> bool:
    """Whether files like `source` can be reflinked into `folder`."""
    target = os.path.join(folder, f".clone-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with open(source, "rb") as reading:
            writing, shared = copies.create_copy(reading.fileno(), target)
        os.close(writing)
        return shared
    except OSError:
        return False
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)


def copy_tree(source: str, target: str, *, opened: bool = False) -> None:
    """A copy of a folder with modes, times and symbolic links; `opened` makes everything writable for everybody.

    Sockets, pipes and devices are left out. Raises DiskFull, OSError.
    """
    with full_disk_is_said(target):
        os.makedirs(target, exist_ok=True)
        for here, there, entry in _walk(source, target):
            if entry.is_symlink():
                os.symlink(os.readlink(here), there)
            elif entry.is_dir():
                os.mkdir(there)
            elif entry.is_file():
                mode = stat.S_IMODE(entry.stat().st_mode)
                copies.copy_file(here, there, mode=mode | OPEN_FILE if opened else mode | stat.S_IWUSR)
        _folder_modes(source, target, opened=opened)


def _folder_modes(source: str, target: str, *, opened: bool) -> None:
    for here, _folders, _files in os.walk(source):
        there = os.path.join(target, os.path.relpath(here, source))
        os.chmod(there, OPEN_FOLDER if opened else stat.S_IMODE(os.stat(here).st_mode) | stat.S_IRWXU)


def link_or_copy(source: str, target: str) -> None:
    """A hard link where both are on one disk and the system lets us, else a copy.

    For folders that nobody writes to: the layer below an overlay.
    """
    try:
        os.link(source, target)
    except OSError:
        copies.copy_file(source, target, follow=True)


def _walk(source: str, target: str) -> Iterator[tuple[str, str, os.DirEntry[str]]]:
    with os.scandir(source) as entries:
        for entry in entries:
            there = os.path.join(target, entry.name)
            yield entry.path, there, entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, there)


@contextlib.contextmanager
def full_disk_is_said(target: str) -> Iterator[None]:
    """Within, an OSError of a full disk becomes DiskFull."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise DiskFull(
                f"no space left while copying to {target}", where=target, hints=["free some: localhai clean"]
            ) from error
        raise
