"""Copies of files that cost as little as the disk allows: shared blocks, else within the kernel, else byte by byte."""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable
from typing import Any

from localhai.system.durable import is_full, write_all

FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file until one of them is written
KERNEL_CHUNK = 1 << 30
CHUNK = 1 << 20
_AT_FDCWD = -2  # sys/fcntl.h of macOS: paths start at the current folder
_KEEP_NO_OWNER = 2  # CLONE_NOOWNERCOPY of sys/clonefile.h: the copy belongs to who makes it

Clone = Callable[[int, str], bool]


def create_copy(reader: int, target: str, *, clone: Clone | None = None) -> tuple[int, bool]:
    """A new file, of mode 0600, that shares the bytes of an open one where the disk can: its descriptor, whether so.

    Otherwise it is empty. Raises FileExistsError, OSError.
    """
    clone = clone or _clone_of_macos()
    if clone is not None and clone(reader, target):
        os.chmod(target, 0o600)  # a clone has the mode of what it was made from, which may forbid writing
        return os.open(target, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW), True
    writer = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    return writer, reflink(reader, writer)


def reflink(reader: int, writer: int) -> bool:
    """Let an open file share the bytes of another; False where the disk cannot, and on macOS (see `create_copy`)."""
    import fcntl

    try:
        fcntl.ioctl(writer, FICLONE, reader)
    except OSError:
        return False
    return True


def copy_bytes(reader: int, writer: int) -> None:
    """All bytes of an open file into another, from the beginning, in the kernel where it can. Raises OSError."""
    done = _copy_in_kernel(reader, writer)
    os.lseek(reader, done, os.SEEK_SET)
    os.lseek(writer, done, os.SEEK_SET)
    while data := os.read(reader, CHUNK):  # nothing is left when the kernel did it all
        write_all(writer, data)


def copy_file(source: str, target: str, *, mode: int | None = None, follow: bool = False) -> os.stat_result:
    """A copy of one regular file with its mtime and its mode, if no other is given; gives what it was when copied.

    `follow`: through a symbolic link too. Raises OSError, also when `source` is no regular file any more or
    `target` exists.
    """
    reader = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    try:
        found = os.fstat(reader)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{source} is not a file any more")
        writer, shared = create_copy(reader, target)
        try:
            if not shared:
                copy_bytes(reader, writer)
            if os.fstat(writer).st_size != found.st_size:  # it is being written to: the copy has what `found` says
                os.ftruncate(writer, found.st_size)
            os.fchmod(writer, stat.S_IMODE(found.st_mode) & 0o777 if mode is None else mode)
            os.utime(writer, ns=(found.st_atime_ns, found.st_mtime_ns))
        finally:
            os.close(writer)
    finally:
        os.close(reader)
    return found


def _copy_in_kernel(reader: int, writer: int) -> int:
    """How many bytes it copied: none on macOS, and where two disks or an old kernel are between."""
    copy: Any = getattr(os, "copy_file_range", None)
    done = 0
    if copy is None:
        return done
    os.lseek(reader, 0, os.SEEK_SET)
    os.lseek(writer, 0, os.SEEK_SET)
    try:
        while copied := copy(reader, writer, KERNEL_CHUNK):
            done += copied
    except OSError as error:
        if is_full(error):
            raise
    return done


@functools.cache
def _clone_of_macos() -> Clone | None:
    """fclonefileat(2), which makes the new file itself; None where the system has no such call."""
    import sys

    if sys.platform != "darwin":
        return None
    return _clone_by(_fclonefileat())


def _fclonefileat() -> Any:
    import ctypes

    try:
        return ctypes.CDLL(None, use_errno=True).fclonefileat
    except (OSError, AttributeError):
        return None


def _clone_by(call: Any) -> Clone | None:
    """False of the clone: the disk cannot, or the file is there, of which the next attempt tells."""
    if call is None:
        return None
    return lambda reader, target: bool(call(reader, _AT_FDCWD, os.fsencode(target), _KEEP_NO_OWNER) == 0)
