"""What must outlast a power cut: bytes are on the disk before the name that vouches for them appears.

A name that appears first may, after the cut, stand for zeros of the right size. Where losing a file costs nothing but
doing something again, `synced=False` saves the wait.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

WRITING = ".writing-"  # how files begin that have no content of their own yet
SIDE_BY_SIDE = 16  # a thousand small files: 0.15 s instead of 4 s one after another


def is_full(error: OSError) -> bool:
    """Whether a disk, or somebody's share of it, has no room left."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def sync_data(descriptor: int) -> None:
    """The bytes of an open file onto the disk itself. Raises OSError.

    On macOS fsync leaves them in the memory of the drive, and there is no fdatasync; F_FULLFSYNC waits for the drive,
    where the disk knows it.
    """
    sync: Any = getattr(os, "fdatasync", None)
    if sync is not None:
        sync(descriptor)
        return
    import fcntl

    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        with suppress(OSError):
            fcntl.fcntl(descriptor, full)
            return
    os.fsync(descriptor)


def sync_file(path: Path) -> None:
    """The bytes of a file are on the disk when this returns. Raises OSError."""
    _sync_path(path, os.O_RDONLY | os.O_CLOEXEC)


def sync_files(paths: Iterable[Path]) -> None:
    """As `sync_file`, for many: side by side, which lets the disk write them together. Raises OSError."""
    _side_by_side(sync_file, list(dict.fromkeys(paths)))


def _side_by_side(act: Callable[[Path], None], paths: list[Path]) -> None:
    if len(paths) < 2:  # noqa: PLR2004  # one needs no threads
        for path in paths:
            act(path)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="sync") as pool:
        list(pool.map(act, paths))


def sync_folder(folder: Path) -> None:
    """The names in a folder are on the disk when this returns; where a file system cannot, nothing happens."""
    with suppress(OSError):
        _sync_path(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def sync_folders(folders: Iterable[Path]) -> None:
    """Each once."""
    _side_by_side(sync_folder, list(dict.fromkeys(folders)))


def settle(fresh: Path, path: Path, how: Callable[[Path, Path], None] = os.replace) -> None:
    """Give a finished file its name: its bytes first, then the name, then the folder that has the name."""
    sync_file(fresh)
    how(fresh, path)
    sync_folder(path.parent)


def write_all(descriptor: int, data: bytes | memoryview, position: int | None = None) -> None:
    """All of it, however little the system takes at a time: at `position`, else where the file is. Raises OSError."""
    view = memoryview(data)
    while view:
        done = os.write(descriptor, view) if position is None else os.pwrite(descriptor, view, position)
        position = None if position is None else position + done
        view = view[done:]


def append(descriptor: int, data: bytes) -> int:
    """Write to the end of an open file, wholly or, where the disk is full, not at all; how long it is then.

    Raises OSError. The file has no other writer.
    """
    before = os.fstat(descriptor).st_size
    try:
        write_all(descriptor, data)
    except OSError:
        os.ftruncate(descriptor, before)
        raise
    return before + len(data)


def write(
    path: Path,
    content: bytes,
    *,
    mode: int = 0o600,
    synced: bool = True,
    fresh: bool = False,
) -> None:
    """Replace a small file at once: a reader sees the old or the new content, never a part. Raises OSError.

    `fresh`: one that is there stays; raises FileExistsError.
    """
    name = path.with_name(f"{WRITING}{os.getpid()}-{os.urandom(6).hex()}")
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if mode & 0o077:  # whatever the umask takes away
                os.fchmod(descriptor, mode)
            if synced:
                file.flush()
                sync_data(descriptor)
        (os.link if fresh else os.replace)(name, path)
    except BaseException:
        name.unlink(missing_ok=True)
        raise
    if fresh:
        name.unlink()
    if synced:
        sync_folder(path.parent)


def _sync_path(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        sync_data(descriptor)
    finally:
        os.close(descriptor)
