"""Copies of files that are cheap where the disk can: reflinks, then copies inside the kernel, then plain ones."""

from __future__ import annotations

import contextlib
import os
import stat

_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file until one of them is written
_CHUNK = 1 << 20


class Copier:
    """Copies regular files and symlinks into a new tree. Remembers whether the disk can reflink."""

    def __init__(self) -> None:
        self._reflinks = True

    def copy(self, source: str, target: str) -> os.stat_result:
        """Copy one regular file with its mode and mtime, never through a symlink; gives what it was when copied.

        Raises OSError, also when `source` is no regular file any more or `target` exists.
        """
        reader = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(reader)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(f"{source} is not a file any more")
            writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                self._copy_bytes(reader, writer, found.st_size)
                if os.fstat(writer).st_size != found.st_size:  # it is being written to: the copy has what `found` says
                    os.ftruncate(writer, found.st_size)
                os.fchmod(writer, stat.S_IMODE(found.st_mode) & 0o777)
                os.utime(writer, ns=(found.st_atime_ns, found.st_mtime_ns))
            finally:
                os.close(writer)
        finally:
            os.close(reader)
        return found

    def _copy_bytes(self, reader: int, writer: int, size: int) -> None:
        if size == 0:
            return
        if self._reflinks and _reflink(reader, writer):
            return
        self._reflinks = False
        _copy_in_kernel(reader, writer)
        os.lseek(reader, os.lseek(writer, 0, os.SEEK_CUR), os.SEEK_SET)
        while chunk := os.read(reader, _CHUNK):  # nothing is left when the kernel did it all
            view = memoryview(chunk)
            while view:
                view = view[os.write(writer, view) :]


def _reflink(reader: int, writer: int) -> bool:
    try:
        import fcntl

        fcntl.ioctl(writer, _FICLONE, reader)
    except (ImportError, OSError):
        return False
    return True


def _copy_in_kernel(reader: int, writer: int) -> None:
    if hasattr(os, "copy_file_range"):
        with contextlib.suppress(OSError):  # other disk, old kernel: the plain way goes on where this stopped
            while os.copy_file_range(reader, writer, 1 << 30):
                pass
