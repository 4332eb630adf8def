"""What each system does to files in its own way."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any


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
