"""Copies of a project's files into a new tree, each as it was when it was copied."""

from __future__ import annotations

import os
import stat

from localhai.system.copies import copy_bytes, create_copy


def copy(source: str, target: str) -> os.stat_result:
    """Copy one regular file with its mode and mtime, never through a symlink; gives what it was when copied.

    Raises OSError, also when `source` is no regular file any more or `target` exists.
    """
    reader = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
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
            os.fchmod(writer, stat.S_IMODE(found.st_mode) & 0o777)
            os.utime(writer, ns=(found.st_atime_ns, found.st_mtime_ns))
        finally:
            os.close(writer)
    finally:
        os.close(reader)
    return found
