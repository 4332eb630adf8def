"""From a wanted file to its bytes in the cache: nothing when they are there, a copy or a download when not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.data.checksums import digest
from localhai.data.disk import disk_in_words, require_room
from localhai.data.download import discard, download, resumable
from localhai.data.missing import Missing, input_not_found
from localhai.data.progress import FileAdvanced, FileDone, FileStarted, Waiting
from localhai.data.sources.base import SourceError, Unavailable
from localhai.data.sources.local import LocalSource
from localhai.data.transfer import DownloadObserver
from localhai.errors import DiskFull
from localhai.system import locks
from localhai.system.copies import create_copy
from localhai.system.durable import write_all

if TYPE_CHECKING:
    from localhai.data.cache import Cache, CacheEntry
    from localhai.data.files import Checksums
    from localhai.data.pins import Pins
    from localhai.data.progress import Cancelled, Progress
    from localhai.data.sources.base import SourceFile
    from localhai.data.wanted import WantedFile
    from localhai.system.retry import Retry

COPIES = 3  # tries at a file that is written to while it is copied


class Fetcher(Struct, frozen=True):
    """Brings single files into the cache. `cancelled` and `progress` are called from any thread."""

    cache: Cache
    progress: Progress
    cancelled: Cancelled
    refresh: bool
    retry: Retry
    pins: Pins

    def cached(self, wanted: WantedFile) -> CacheEntry | None:
        """What the cache has and may be used; no bytes are moved."""
        return None if self.refresh else wanted.cached(self.cache)

    def missing_bytes(self, wanted: WantedFile) -> int:
        """How many bytes are still to come, as far as the source says its size."""
        if wanted.found is None or not wanted.found.size:
            return 0
        return wanted.found.size - resumable(wanted.found, *self.cache.part(wanted.key))

    def fetch(self, wanted: WantedFile) -> CacheEntry:
        """The file in the cache. One localhai downloads, others wait for it and find it there.

        Raises InputNotFound, DiskFull and Interrupted.
        """
        entry = self._pinned(wanted)
        came = entry is None
        if entry is None:
            with locks.held(
                self.cache.lock(wanted.key),
                cancelled=self.cancelled,
                on_wait=lambda: self.progress(Waiting(wanted.input, wanted.name, "another localhai downloads it")),
                stopped="stopped while another localhai downloaded the same input",
            ):
                try:
                    entry = self._pinned(wanted) or self._bring(wanted)
                except SourceError as error:
                    raise input_not_found([Missing(wanted.input, wanted.uri, error.reason)]) from error
        else:
            self.cache.touch(wanted.key)
        self.progress(FileDone(wanted.input, wanted.name, wanted.uri, entry.size, cached=not came))
        return entry

    def _pinned(self, wanted: WantedFile) -> CacheEntry | None:
        """What is in the cache, and stays there."""
        entry = self.cached(wanted)
        if entry is None:
            return None
        with disk_in_words(self.cache.folder, "the cache of inputs"), self.pins.pinned(entry.checksums.sha256):
            return entry if entry.path.is_file() else None

    def _bring(self, wanted: WantedFile) -> CacheEntry:
        source, found = wanted.source, wanted.found
        assert source is not None and found is not None  # noqa: PT018, S101 - what has no source is in the cache
        part, state = self.cache.part(wanted.key)
        try:
            if isinstance(source, LocalSource):
                found, checksums = self._copy(wanted, source, found, part)
            else:
                resumed = resumable(found, part, state)
                self.progress(FileStarted(wanted.input, wanted.name, wanted.uri, found.size, resumed))
                found, checksums = download(source, found, part, state, self._watch(wanted), self.retry)
        except DiskFull:
            discard(part, state)
            raise
        if wanted.datum is not None and checksums != wanted.datum.checksums:
            discard(part, state)
            raise Unavailable("the bytes in the store are not those that were stored: their checksums differ")
        with disk_in_words(self.cache.folder, "the cache of inputs"), self.pins.pinned(checksums.sha256):
            entry = self.cache.add(wanted.key, found.version, part, checksums, found.given)
        discard(part, state)
        return entry

    def _watch(self, wanted: WantedFile) -> DownloadObserver:
        return DownloadObserver(
            advanced=lambda done: self.progress(FileAdvanced(wanted.input, wanted.name, done)),
            waiting=lambda reason: self.progress(Waiting(wanted.input, wanted.name, reason)),
            cancelled=self.cancelled,
        )

    def _copy(
        self, wanted: WantedFile, source: LocalSource, found: SourceFile, part: Path
    ) -> tuple[SourceFile, Checksums]:
        """A file of this machine: shared blocks where the disk can, else a copy. No link: its owner may edit it."""
        for _try in range(COPIES):
            self.progress(FileStarted(wanted.input, wanted.name, wanted.uri, found.size))
            checksums = self._copy_once(wanted, source.path(found.key), part)
            after = source.stat_key(found.key)
            if after.version == found.version:
                return found, checksums
            found = after
        raise Unavailable("it is written to while it is read")

    def _copy_once(self, wanted: WantedFile, path: Path, part: Path) -> Checksums:
        try:
            origin = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(f"it cannot be read: {error.strerror}") from error
        watch, done = self._watch(wanted), 0
        with os.fdopen(origin, "rb"), disk_in_words(part.parent, wanted.name):
            part.unlink(missing_ok=True)
            target, shared = create_copy(origin, str(part))
            with os.fdopen(target, "wb"):
                if not shared:
                    require_room(part.parent, os.fstat(origin).st_size, wanted.name)

                def fill(view: memoryview) -> int:
                    nonlocal done
                    count = os.readv(origin, [view])
                    if not shared:
                        write_all(target, view[:count])
                    done += count
                    watch.advanced(done)
                    return count

                checksums, _size = digest(fill, cancelled=self.cancelled)
        return checksums
