"""One download: parallel, ranged, resumable, with its checksums made while it comes.

A few workers fetch segments in order and write them into the part file; the digests follow the gapless beginning. A
single worker gives them each block as it comes, so that nothing is read again. A cut connection goes on where it
stopped; a content that changed starts over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from localhai.data import segments as parts
from localhai.data.checksums import BLOCK, INLINE, Digester, views
from localhai.data.disk import disk_in_words, human_size, require_room
from localhai.data.sources.base import GZIP, Changed, Cut, NoRanges, Unavailable, gave_up, trouble
from localhai.data.uri import last_segment, parse
from localhai.errors import DiskFull, Interrupted
from localhai.system.durable import sync_data, write_all
from localhai.system.retry import LOOK, Attempts, Waiter, call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.data.files import Checksums
    from localhai.data.segments import Segment
    from localhai.data.sources.base import Source, SourceFile
    from localhai.system.retry import Retry, Trouble

STARTS = 4  # whole downloads, when the content changes or cannot be resumed
FAREWELL = 1.0  # seconds that workers get to notice that it is over


class DownloadObserver(Struct, frozen=True):
    """Who looks at a download. `advanced(done)`, `waiting(reason)` and `cancelled()` are called from any thread."""

    advanced: Callable[[int], None]
    waiting: Callable[[str], None]
    cancelled: Callable[[], bool]


def resumable(found: SourceFile, part: Path, state: Path) -> int:
    """How many bytes of this version are here from an earlier try."""
    known = parts.load(state, found, part)
    return parts.arrived(known) if known else 0


def download(
    source: Source, found: SourceFile, part: Path, state: Path, watch: DownloadObserver, retry: Retry
) -> tuple[SourceFile, Checksums]:
    """Fill `part` with the whole of `found`; gives the version that it holds then.

    Raises Unavailable when it cannot be had, DiskFull (nothing is left behind then) and Interrupted (what is here is
    kept for the next try, as it is when the connection stays broken).
    """
    _say_encoding(found, watch)
    for _start in range(STARTS):
        try:
            return _Transfer(source, found, part, state, watch, retry).run()
        except DiskFull:
            discard(part, state)
            raise
        except Changed:
            found = _look_again(source, found, watch, retry)
        except NoRanges as error:
            found = _whole(found, error.encoding, watch)
        discard(part, state)
    raise Unavailable("it changes or breaks off again and again while it is downloaded")


def _look_again(source: Source, found: SourceFile, watch: DownloadObserver, retry: Retry) -> SourceFile:
    """What is there now. Where nothing but the ETag is another, it says nothing: some servers make one up each time.

    Not so of object stores: theirs belongs to the content.
    """
    uri = parse(found.uri)
    now = call(
        partial(source.stat, uri),
        trouble,
        policy=retry,
        waiter=Waiter(watch.waiting, watch.cancelled),
        gave_up=gave_up,
        aside=f"{last_segment(uri.key)} was looked at",
    )
    may_be_made_up = uri.scheme in {"http", "https"} and (now.size, now.modified) == (found.size, found.modified)
    return now.of_date() if may_be_made_up else now


def _whole(found: SourceFile, encoding: str | None, watch: DownloadObserver) -> SourceFile:
    """The same, to be had as a whole only. The size of what is encoded says nothing about the file."""
    if encoding is None:
        return replace(found, ranges=False)
    whole = replace(found, ranges=False, encoding=encoding, size=None if encoding in GZIP else found.size)
    _say_encoding(whole, watch)
    return whole


def _say_encoding(found: SourceFile, watch: DownloadObserver) -> None:
    if found.encoding is not None:
        done = "it is decoded" if found.encoding in GZIP else "it is kept as it comes"
        watch.waiting(f"the server sends it with Content-Encoding: {found.encoding}, although asked not to: {done}")


def discard(part: Path, state: Path) -> None:
    """Forget what is here of a download."""
    for path in (state, part):
        with suppress(FileNotFoundError):
            path.unlink()


class _Transfer:
    """One try at a whole file."""

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
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (0 if arrived else os.O_TRUNC)
        small = self.found.size is not None and self.found.size <= INLINE
        alone = small or self.source.streams == 1 or len(self.segments) == 1
        with disk_in_words(self.part.parent, self.what), Digester(threads=not small) as digester:
            self._descriptor = os.open(self.part, flags, 0o600)
            try:
                self.watch.advanced(arrived)
                with self._workers(digester if alone else None):
                    if alone:
                        self._until(lambda: not self._working)
                    else:
                        self._follow(digester)
                checksums, _size = digester.result()
            except (Interrupted, Unavailable, Cut):
                self._keep()
                raise
            finally:
                os.close(self._descriptor)
        return self.found, checksums

    @contextmanager
    def _workers(self, digester: Digester | None) -> Iterator[None]:
        """One that feeds the digests, or without them as many as the source likes; within, they work."""
        opened = sum(not segment.done for segment in self.segments)
        self._working = 1 if digester is not None else min(self.source.streams, opened)
        workers = [
            threading.Thread(target=self._work, args=(digester,), name=f"download-{number}", daemon=True)
            for number in range(self._working)
        ]
        try:
            for worker in workers:
                worker.start()
            yield
        finally:
            self._over.set()
            for worker in workers:
                worker.join(FAREWELL)

    def _keep(self) -> None:
        sync_data(self._descriptor)
        with self._news:
            parts.save(self.state, self.found, self.segments, synced=True)

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
