"""What of the cache of inputs is about to be used: nobody cleans it away, however long the rest takes to come.

Each holder has a file with the names of objects, and a lock on it that ends with the holder's process, however that
ends: what nobody locks holds nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.system import locks

if TYPE_CHECKING:
    from typing_extensions import Self

FOLDER = "pins"
GATE = "pinning"  # held, shared, while something is pinned and looked for; alone while the cache is cleaned


class Pins:
    """The objects that one holder is about to use. Thread-safe; a context manager, and closed twice is fine."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._file: int | None = None
        self._path: Path | None = None
        self._held: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @contextmanager
    def pinned(self, sha256: str) -> Iterator[None]:
        """Pin an object; within, nobody cleans, so that it can be seen whether it is there. Raises OSError."""
        gate = locks.acquire(self._cache / GATE, shared=True)
        try:
            with self._lock:
                if sha256 not in self._held:
                    os.write(self._opened(), f"{sha256}\n".encode())
                    self._held.add(sha256)
            yield
        finally:
            if gate is not None:
                os.close(gate)

    def close(self) -> None:
        """What was pinned may go."""
        with self._lock:
            if self._path is not None:
                with suppress(OSError):
                    self._path.unlink()
            if self._file is not None:
                os.close(self._file)
            self._file = self._path = None
            self._held.clear()

    def _opened(self) -> int:
        if self._file is None:
            folder = self._cache / FOLDER
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{os.getpid()}-{os.urandom(6).hex()}"
            self._file, self._path = locks.acquire(path), path
        assert self._file is not None  # noqa: S101 - nobody else knows the name
        return self._file


@contextmanager
def pinned_by_all(cache: Path) -> Iterator[set[str]]:
    """The objects that living holders have pinned; within, nobody pins more. Raises OSError."""
    gate = locks.acquire(cache / GATE)
    try:
        folder = cache / FOLDER
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        yield {name for path in files for name in _pinned(path)}
    finally:
        if gate is not None:
            os.close(gate)


def _pinned(path: Path) -> list[str]:
    """Nothing where the holder has died; its file goes."""
    with suppress(OSError):
        own = locks.acquire(path, wait=False)
        if own is None:
            return path.read_text(encoding="ascii").split()
        try:
            path.unlink()
        finally:
            os.close(own)
    return []
