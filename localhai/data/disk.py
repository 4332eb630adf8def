"""The disk under the cache and the store: room, atomic writes, cheap copies."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.errors import DiskFull, SurroundingsError
from localhai.system import text
from localhai.system.durable import is_full

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def disk_in_words(folder: Path, what: str) -> Iterator[None]:
    """An OSError becomes DiskFull, or a SurroundingsError that says what could not be written where."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise disk_full(folder, what) from error
        raise SurroundingsError(f"{what} cannot be written: {error.strerror or error}", where=str(folder)) from error


def disk_full(folder: Path, what: str) -> DiskFull:
    """The error for a full disk."""
    return DiskFull(
        f"there is no space left for {what}",
        where=str(folder),
        hints=(
            "free some: `localhai clean --cache` empties the cache of inputs",
            "or set LOCALHAI_HOME to a larger disk",
        ),
    )


def require_room(folder: Path, size: int, what: str) -> None:
    """Raise DiskFull before a large write that cannot succeed."""
    import shutil

    if size > 0 and shutil.disk_usage(folder).free < size:
        raise disk_full(folder, f"{what} ({human_size(size)})")


def human_size(size: int) -> str:
    """`28.9 kB`, in powers of 1000 as the platform writes it (platform.md 2.5)."""
    return text.human_size(size, "bytes")
