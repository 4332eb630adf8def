"""md5, sha1 and sha256 of one content in one reading, each on a core of its own.

hashlib lets go of the interpreter while it digests, so threads are enough. A reader fills a few shared blocks; each
digest follows at its own pace; a block is filled again when all three are through with it. md5 is the slowest, so one
reading costs about what `md5sum` costs on a machine with two cores.
"""

from __future__ import annotations

import hashlib
import os
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from localhai.data.files import Checksums
from localhai.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Fill: TypeAlias = Callable[[memoryview], int]

NAMES = ("md5", "sha1", "sha256")
BLOCK = 1 << 20
BLOCKS = 6
INLINE = 4 << 20  # below this, starting threads costs more than it gains


def of_bytes(content: bytes) -> Checksums:
    """Checksums of a content in memory."""
    return Checksums(*(_new(name, content).hexdigest() for name in NAMES))


def of_file(path: Path, *, cancelled: Callable[[], bool] | None = None) -> Checksums:
    """Checksums of a regular file, read once. A link as the last part of `path` is not followed.

    Raises OSError when it cannot be read and Interrupted when `cancelled` says so.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        checksums, _size = _of_descriptor(descriptor, cancelled)
    finally:
        os.close(descriptor)
    return checksums


def of_files(paths: Sequence[Path], *, cancelled: Callable[[], bool] | None = None) -> Mapping[Path, Checksums]:
    """Checksums of many files, small and large. Large ones share all cores, small ones go side by side."""
    if not paths:
        return {}
    from concurrent.futures import ThreadPoolExecutor  # 3 ms that most runs need not spend

    cores = os.cpu_count() or 1
    large: list[Path] = []
    small: list[Path] = []
    for path in paths:
        (large if path.lstat().st_size > INLINE else small).append(path)
    found: dict[Path, Checksums] = {}
    for group, workers in ((large, max(1, cores // 2)), (small, cores)):
        if not group:
            continue
        with ThreadPoolExecutor(workers, thread_name_prefix="checksums") as pool:
            results = pool.map(lambda path: of_file(path, cancelled=cancelled), group)
            found.update(zip(group, results, strict=True))
    return found


def digest(fill: Fill, *, cancelled: Callable[[], bool] | None = None, threads: bool = True) -> tuple[Checksums, int]:
    """Checksums and size of what `fill(view)` gives: it writes into the view and says how much, 0 at the end."""
    if not threads:
        return _digest_inline(fill)
    free: SimpleQueue[bytearray] = SimpleQueue()
    for _ in range(BLOCKS):
        free.put(bytearray(BLOCK))
    followers = [_Follower(name, free) for name in NAMES]
    size = 0
    try:
        while True:
            if cancelled is not None and cancelled():
                raise Interrupted("stopped while checksums were made")
            block = free.get()
            filled = fill(memoryview(block))
            if not filled:
                break
            size += filled
            turn = _Turn(block, filled, len(followers))
            for follower in followers:
                follower.queue.put(turn)
    finally:
        digests = [follower.finish() for follower in followers]
    return Checksums(*digests), size


def _digest_inline(fill: Fill) -> tuple[Checksums, int]:
    digests = [_new(name) for name in NAMES]
    view = memoryview(bytearray(BLOCK))
    size = 0
    while filled := fill(view):
        size += filled
        for item in digests:
            item.update(view[:filled])
    return Checksums(*(item.hexdigest() for item in digests)), size


class _Turn:
    """One filled block and how many digests still need it."""

    def __init__(self, block: bytearray, size: int, readers: int) -> None:
        self.block = block
        self.view = memoryview(block)[:size]
        self._readers = readers
        self._lock = threading.Lock()

    def leave(self) -> bool:
        """True for the last reader."""
        with self._lock:
            self._readers -= 1
            return self._readers == 0


class _Follower(threading.Thread):
    """One digest on one thread."""

    def __init__(self, name: str, free: SimpleQueue[bytearray]) -> None:
        super().__init__(name=f"checksums-{name}", daemon=True)
        self.queue: SimpleQueue[_Turn | None] = SimpleQueue()
        self._free = free
        self._digest = _new(name)
        self.start()

    def run(self) -> None:
        while (turn := self.queue.get()) is not None:
            self._digest.update(turn.view)
            if turn.leave():
                turn.view.release()
                self._free.put(turn.block)

    def finish(self) -> str:
        self.queue.put(None)
        self.join()
        return self._digest.hexdigest()


def _of_descriptor(descriptor: int, cancelled: Callable[[], bool] | None) -> tuple[Checksums, int]:
    large = os.fstat(descriptor).st_size > INLINE
    return digest(lambda view: os.readv(descriptor, [view]), cancelled=cancelled, threads=large)


def _new(name: str, content: bytes = b"") -> hashlib._Hash:
    return hashlib.new(name, content, usedforsecurity=False)
