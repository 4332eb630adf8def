"""One try at a whole file: parallel, ranged, resumable, with its checksums made while it comes.

A few workers fetch segments in order and write them into the part file; the digests follow the gapless beginning. A
single worker gives them each block as it comes, so that nothing is read again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.data import segments as parts
from localhai.data.checksums import BLOCK, INLINE, Digester, views
from localhai.data.disk import disk_in_words, human_size, require_room
from localhai.data.sources.base import Cut, NoRanges, Unavailable, gave_up, trouble
from localhai.data.uri import last_segment
from localhai.errors import Interrupted
from localhai.system.durable import sync_data, write_all
from localhai.system.retry import LOOK, Attempts, Waiter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.data.files import Checksums
    from localhai.data.segments import Segment
    from localhai.data.sources.base import Source, SourceFile
    from localhai.system.retry import Retry, Trouble


FAREWELL = 1.0  # seconds that workers get to notice that it is over


class DownloadObserver(Struct, frozen=True):
    """Who looks at a download. `advanced(done)`, `waiting(reason)` and `cancelled()` are called from any thread."""

    advanced: Callable[[int], None]
    waiting: Callable[[str], None]
    cancelled: Callable[[], bool]


class Transfer:
    """Gives the version that it got, and its checksums, with `run`."""

    def __init__(
        self, source: Source, found: SourceFile, part: Path, state: Path, watch: DownloadObserver, retry: Retry
    ) -> None:
        self.source = source
        self.found = found
        self.part = part
        self.state = state
        self.watch = watch
        self.retry = retry
        self.what = last_segment(found.key) or found.uri
        self.segments = parts.load(state, found, part) or parts.fresh(found)
        self._waiting = iter([segment for segment in self.segments if not segment.done])
        self._digested = 0
        self._working = 0
        self._news = threading.Condition()
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._descriptor = -1

    def run(self) -> tuple[SourceFile, Checksums]:
        """All of the file into the part file, by workers in threads of their own; this one hears of their failures."""
        arrived = parts.arrived(self.segments)
        require_room(self.part.parent, (self.found.size or 0) - arrived, self.what)
        small = self.found.size is not None and self.found.size <= INLINE
        alone = small or self.source.streams == 1 or len(self.segments) == 1
        with self._part_file(arrived), Digester(threads=not small) as digester:
            self.watch.advanced(arrived)
            self._working = 1 if alone else min(self.source.streams, sum(not item.done for item in self.segments))
            given = (digester if alone else None,)
            workers = [
                threading.Thread(target=self._work, args=given, name=f"download-{number}", daemon=True)
                for number in range(self._working)
            ]
            try:
                for worker in workers:
                    worker.start()
                if alone:
                    self._until(lambda: not self._working)
                else:
                    self._follow(digester)
            finally:
                self._over.set()
                for worker in workers:
                    worker.join(FAREWELL)
            checksums, _size = digester.result()
        return self.found, checksums

    @contextmanager
    def _part_file(self, arrived: int) -> Iterator[None]:
        """Within, it is open. What came is kept for the next try where the rest does not."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (0 if arrived else os.O_TRUNC)
        with disk_in_words(self.part.parent, self.what):
            self._descriptor = os.open(self.part, flags, 0o600)
            try:
                yield
            except (Interrupted, Unavailable, Cut):
                sync_data(self._descriptor)
                with self._news:
                    parts.save(self.state, self.found, self.segments, synced=True)
                raise
            finally:
                os.close(self._descriptor)

    # What this thread does meanwhile.

    def _follow(self, digester: Digester) -> None:
        """Give the digests the gapless beginning as it grows."""
        for view in views():
            self._until(lambda: self._ahead() >= BLOCK or all(segment.done for segment in self.segments))
            available = self._ahead()
            if not available:
                return
            digester.feed(self._read(view[:available]))

    def _ahead(self) -> int:
        return parts.prefix(self.segments) - self._digested

    def _until(self, reached: Callable[[], bool]) -> None:
        """Wait for it. Raises what a worker failed with, and Interrupted."""
        with self._news:
            while True:
                if self._failure is not None:
                    raise self._failure
                if reached():
                    return
                if self.watch.cancelled():
                    raise Interrupted(f"stopped while {self.what} was downloaded")
                self._news.wait(LOOK)

    def _read(self, view: memoryview) -> memoryview:
        """The next bytes for the digests, from the part file."""
        count = os.preadv(self._descriptor, [view], self._digested)
        self._digested += count
        return view[:count]

    # What workers do.

    def _work(self, digester: Digester | None) -> None:
        """Fetch the next segment that nobody fetches, until there is none; `digester` gets each block as it comes."""
        try:
            descriptor = os.dup(self._descriptor)  # a worker that is left behind must not write into another file
            try:
                while (segment := self._next()) is not None:
                    self._take_up(segment.pos, digester)
                    self._fetch(segment, descriptor, digester)
                self._take_up(parts.prefix(self.segments), digester)
            finally:
                os.close(descriptor)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            with self._news:
                self._failure = self._failure or error
        finally:
            with self._news:
                self._working -= 1
                self._news.notify_all()

    def _take_up(self, end: int, digester: Digester | None) -> None:
        """Give the digests what is here from an earlier try."""
        if digester is None or self._digested >= end:
            return
        for view in views():
            self._go_on_or_raise()
            digester.feed(self._read(view[: end - self._digested]))
            if self._digested == end:
                return

    def _next(self) -> Segment | None:
        with self._news:
            return None if self._over.is_set() or self._failure else next(self._waiting, None)

    def _fetch(self, segment: Segment, descriptor: int, digester: Digester | None) -> None:
        """All of a segment into the file, however often the connection breaks."""
        attempts = Attempts(self.retry)
        while not segment.done:
            before = segment.pos
            try:
                self._stream(segment, descriptor, digester)
            except (Cut, Unavailable) as error:
                seen = trouble(error)
                if seen is None:
                    raise
                if segment.pos > before:
                    attempts.progress()
                self._wait_or_give_up(error, seen, attempts)
                if segment.pos and self.found.version is None:
                    raise NoRanges from error
        with self._news:
            if len(self.segments) > 1:
                parts.save(self.state, self.found, self.segments, synced=False)

    def _stream(self, segment: Segment, descriptor: int, digester: Digester | None) -> None:
        stream = self.source.open(self.found, segment.pos, segment.end)
        try:
            while not segment.done:
                self._go_on_or_raise()
                wanted = BLOCK if segment.end is None else min(BLOCK, segment.end - segment.pos)
                block = stream.read(wanted)
                self._go_on_or_raise()
                if not block:
                    self._at_end(segment)
                    return
                write_all(descriptor, block, segment.pos)
                self._advance(segment, len(block))
                if digester is not None:
                    self._digested += len(block)
                    digester.feed(block)
        finally:
            stream.close()

    def _go_on_or_raise(self) -> None:
        if self._over.is_set() or self.watch.cancelled():
            raise Interrupted(f"stopped while {self.what} was downloaded")

    def _at_end(self, segment: Segment) -> None:
        if segment.end is not None:
            raise Cut(f"it ended after {human_size(segment.pos)} of {human_size(self.found.size or 0)}")
        with self._news:
            segment.end = segment.pos
            self._news.notify_all()

    def _advance(self, segment: Segment, count: int) -> None:
        with self._news:
            segment.pos += count
            arrived = parts.arrived(self.segments)
            self._news.notify_all()
        self.watch.advanced(arrived)

    def _wait_or_give_up(self, error: Cut | Unavailable, seen: Trouble, attempts: Attempts) -> None:
        wait = attempts.again(seen.asked)
        if wait is None:
            arrived = human_size(parts.arrived(self.segments))
            kept = f", {arrived} are kept for the next try" if self.found.version else ""
            raise gave_up(error, seen, attempts.failures, kept) from error
        Waiter(self.watch.waiting, lambda: self._over.is_set() or self.watch.cancelled()).wait(wait, seen.reason)
