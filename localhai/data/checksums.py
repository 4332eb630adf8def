"""md5, sha1 and sha256 of one content in one reading, on as many cores as that takes.

hashlib lets go of the interpreter while it digests, so threads are enough. Blocks go to all of them in order; each
follows at its own pace, and who brings blocks waits while too many are not digested yet. md5 is the slowest, so one
reading costs about what `md5sum` costs on a machine with two cores.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from localhai.data.files import Checksums
from localhai.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Self

    Fill: TypeAlias = Callable[[memoryview], int]

NAMES = ("md5", "sha1", "sha256")
BLOCK = 1 << 20
BLOCKS = 8
FEW_CORES = 3
ZEROS = memoryview(bytes(BLOCK))
SECTOR = 512  # bytes in which a file's blocks are counted
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
    with Digester(threads=threads) as digester:
        for view in views(threads=threads):
            if cancelled is not None and cancelled():
                raise Interrupted("stopped while checksums were made")
            filled = fill(view)
            if not filled:
                break
            digester.feed(view[:filled])
        return digester.result()


def views(*, threads: bool = True) -> Iterator[memoryview]:
    """Views of a few blocks, in turn and without end, for one Digester: by its turn each has been digested."""
    return itertools.cycle([memoryview(bytearray(BLOCK)) for _ in range(BLOCKS + 1 if threads else 1)])


class Digester:
    """Makes checksums of blocks that come one by one. Leave it in the end: its threads go then."""

    def __init__(self, *, threads: bool = True) -> None:
        self._size = 0
        self._digests = [_new(name) for name in NAMES]
        self._room: SimpleQueue[None] = SimpleQueue()  # one entry for each block that may come
        self._followers = [_Follower(share, self._room) for share in self._shares()] if threads else []
        for _ in range(BLOCKS):
            self._room.put(None)

    def feed(self, block: bytes | memoryview) -> None:
        """The next block. It must stay as it is until BLOCKS more have come; waits while so many are not digested."""
        self._size += len(block)
        if not self._followers:
            for item in self._digests:
                item.update(block)
            return
        self._room.get()
        turn = _Turn(block, len(self._followers))
        for follower in self._followers:
            follower.queue.put(turn)

    def result(self) -> tuple[Checksums, int]:
        """Checksums and size of all that came. Nothing may come afterwards."""
        self.close()
        return Checksums(*(item.hexdigest() for item in self._digests)), self._size

    def close(self) -> None:
        """End the threads. Idempotent."""
        for follower in self._followers:
            follower.queue.put(None)
        for follower in self._followers:
            follower.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _shares(self) -> list[list[hashlib._Hash]]:
        """Which digests share a thread. sha1 and sha256 take together about as long as md5."""
        md5, *others = self._digests
        return [[md5], others] if (os.cpu_count() or 1) < FEW_CORES else [[item] for item in self._digests]


class _Turn:
    """One block and how many threads still need it."""

    def __init__(self, block: bytes | memoryview, readers: int) -> None:
        self.block = block
        self._readers = readers
        self._lock = threading.Lock()

    def leave(self) -> bool:
        """True for the last reader."""
        with self._lock:
            self._readers -= 1
            return self._readers == 0


class _Follower(threading.Thread):
    """Some of the digests on a thread."""

    def __init__(self, digests: Sequence[hashlib._Hash], room: SimpleQueue[None]) -> None:
        super().__init__(name="checksums", daemon=True)
        self.queue: SimpleQueue[_Turn | None] = SimpleQueue()
        self._room = room
        self._digests = digests
        self.start()

    def run(self) -> None:
        while (turn := self.queue.get()) is not None:
            for item in self._digests:
                item.update(turn.block)
            if turn.leave():
                self._room.put(None)


class _SparseReader:
    """A file from its start on. What was never written is zeros, and need not be read to know that."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._position = 0
        self._data, self._hole = 0, 0  # where the next data begin, and where they end

    def fill(self, view: memoryview) -> int:
        """See `digest`."""
        if self._position >= self._hole:
            self._find()
        if self._position < self._data:
            count = min(len(view), self._data - self._position)
            view[:count] = ZEROS[:count]
        else:
            count = os.preadv(self._descriptor, [view[: max(0, self._hole - self._position)]], self._position)
        self._position += count
        return count

    def _find(self) -> None:
        """The next data. A system that does not tell has them everywhere."""
        try:
            self._data = os.lseek(self._descriptor, self._position, os.SEEK_DATA)
            self._hole = os.lseek(self._descriptor, self._data, os.SEEK_HOLE)
        except OSError as error:
            rest_is_hole = error.errno == errno.ENXIO and self._position < self._size
            self._data = self._size if rest_is_hole else self._position
            self._hole = max(self._size, self._position + BLOCK)  # it may have grown since


def _of_descriptor(descriptor: int, cancelled: Callable[[], bool] | None) -> tuple[Checksums, int]:
    state = os.fstat(descriptor)
    large = state.st_size > INLINE
    if large and state.st_blocks * SECTOR < state.st_size and hasattr(os, "SEEK_DATA"):
        return digest(_SparseReader(descriptor, state.st_size).fill, cancelled=cancelled)
    return digest(lambda view: os.readv(descriptor, [view]), cancelled=cancelled, threads=large)


def _new(name: str, content: bytes = b"") -> hashlib._Hash:
    return hashlib.new(name, content, usedforsecurity=False)
