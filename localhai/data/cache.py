"""The cache of inputs: contents by sha256 under HOME/cache/data, and what each URI last gave.

::

    objects/ab/abcd...   one content, mode 0444, shared by every URI that gives it
    uris/HASH.json       what a URI gave when it was last looked at: its version, checksums, the object
    parts/HASH, .json    a download that is not finished, and which bytes of it are here
    locks/HASH           held by whoever downloads that URI
    gate                 held, shared, by every localhai that uses objects
    pins/NAME            objects that somebody is about to use (`pins`)

Nothing is locked for reading: an object appears at once and complete, and is never written again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, to_builtins

from localhai.data.disk import disk_in_words
from localhai.data.files import Checksums
from localhai.data.pins import Pins, pinned_by_all
from localhai.system import durable, locks, strict_json
from localhai.system.credentials import without_secrets

if TYPE_CHECKING:
    from typing_extensions import Self

NANO = 10**9
RECENT = 3600.0  # seconds: what another localhai may be about to hand to a container
ABANDONED = 7 * 86400.0  # seconds after which nobody resumes a download


class CacheEntry(Struct, frozen=True):
    """A content in the cache. `given` is the name that the server gave it; `used` counts seconds since the epoch."""

    uri: str
    version: str | None
    size: int
    checksums: Checksums
    path: Path
    given: str | None = None
    used: float = 0.0


class CacheReport(Struct, frozen=True):
    """What the cache holds: files and bytes, and the bytes of unfinished downloads."""

    folder: Path
    files: int
    size: int
    unfinished: int


class Cleaned(Struct, frozen=True):
    """What `clean` removed, and how many files stayed because another localhai uses the cache right now."""

    files: int
    size: int
    kept: int


class Cache:
    """The cache of one home. Safe between threads and processes; close it when the executions that use it are over."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "cache" / "data"
        self._objects = self.folder / "objects"
        self._uris = self.folder / "uris"
        self._parts = self.folder / "parts"
        self._locks = self.folder / "locks"
        self._gate: int | None = None
        self._entering = threading.Lock()

    def enter(self) -> None:
        """Make the folders and tell other processes that objects are in use. Idempotent."""
        with self._entering, disk_in_words(self.folder, "the cache of inputs"):
            if self._gate is not None:
                return
            for folder in (self._objects, self._uris, self._parts, self._locks):
                folder.mkdir(parents=True, exist_ok=True)
            self._gate = locks.acquire(self.folder / "gate", shared=True)

    def close(self) -> None:
        """Objects may be cleaned again. Idempotent."""
        gate, self._gate = self._gate, None
        if gate is not None:
            os.close(gate)

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def pins(self) -> Pins:
        """For objects that must not be cleaned away until the pins are closed."""
        return Pins(self.folder)

    # What is here.

    def last(self, uri: str) -> CacheEntry | None:
        """What a URI last gave, when its bytes are still here and whole; None otherwise.

        Bytes whose size or seal is not what it was when they were written have been changed: they do not count.
        """
        record = self._uris / f"{_hash(uri)}.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            data = json.loads(record.read_bytes())
            path = self._object(data["checksums"]["sha256"])
            state = path.stat()
            if state.st_size == data["size"] and (not data["sealed"] or _is_sealed(state, path.name)):
                return CacheEntry(
                    uri=uri,
                    version=data["version"],
                    size=data["size"],
                    checksums=Checksums(**data["checksums"]),
                    path=path,
                    given=data["given"],
                    used=record.stat().st_mtime,
                )
        return None

    def touch(self, uri: str) -> None:
        """The URI was used now."""
        with suppress(OSError):
            os.utime(self._uris / f"{_hash(uri)}.json")

    # What comes in.

    def part(self, uri: str) -> tuple[Path, Path]:
        """The files of an unfinished download: its bytes, and which of them are here."""
        part = self._parts / _hash(uri)
        return part, part.with_suffix(".json")

    def lock(self, uri: str) -> Path:
        """The lock to hold while a URI is downloaded; see `locks.held`."""
        return self._locks / _hash(uri)

    def add(self, uri: str, version: str | None, part: Path, checksums: Checksums, given: str | None) -> CacheEntry:
        """Take a complete part file in as what `uri` gives now. The part file is gone afterwards."""
        target = self._object(checksums.sha256)
        with disk_in_words(self.folder, "the cache of inputs"):
            target.parent.mkdir(exist_ok=True)
            part.chmod(0o444)
            _seal(part, checksums.sha256)
            durable.sync_file(part)  # size and seal vouch for its bytes as soon as it has its name
            os.replace(part, target)  # the same content, should it be here already: whoever has it open keeps it
            state = target.stat()
            record = {
                "uri": without_secrets(uri),
                "version": version,
                "size": state.st_size,
                "sealed": _is_sealed(state, target.name),
                "checksums": to_builtins(checksums),
                "given": given,
            }
            durable.write(self._uris / f"{_hash(uri)}.json", strict_json.dumps(record).encode(), synced=False)
        return CacheEntry(uri, version, state.st_size, checksums, target, given, time.time())

    # What goes out.

    def report(self) -> CacheReport:
        """Files and bytes, by looking at the disk."""
        objects = [path.lstat().st_size for path in self._all_objects()]
        parts = [path.lstat().st_blocks * 512 for path in _files(self._parts)]
        return CacheReport(self.folder, len(objects), sum(objects), sum(parts))

    def clean(self, older_than: float | None = None) -> Cleaned:
        """Delete contents that no URI used for `older_than` seconds; None means all.

        While another localhai uses the cache, what was used within the last hour stays: it may be on its way into a
        container. Files that a container has open are not harmed.
        """
        if not self.folder.is_dir():
            return Cleaned(0, 0, 0)
        gate = locks.acquire(self.folder / "gate", wait=False) if self._gate is None else None
        try:
            alone = gate is not None
            age = 0.0 if older_than is None else older_than
            return self._clean(time.time() - (age if alone else max(age, RECENT)), alone=alone)
        finally:
            if gate is not None:
                os.close(gate)

    def _clean(self, before: float, *, alone: bool) -> Cleaned:
        with pinned_by_all(self.folder) as pinned:
            cleaned = self._clean_objects(before, pinned, alone=alone)
        for path in _files(self._parts):
            self._drop_part(path, max(before, time.time() - ABANDONED) if alone else before)
        for path in _files(self._locks):
            lock = locks.acquire(path, wait=False)
            if lock is not None:
                locks.release(path, lock)
        return cleaned

    def _clean_objects(self, before: float, pinned: set[str], *, alone: bool) -> Cleaned:
        used = self._forget(before, pinned) | pinned
        files = size = kept = 0
        for path in self._all_objects():
            with suppress(FileNotFoundError):
                state = path.lstat()
                if path.name in used or (not alone and state.st_ctime >= before):
                    kept += not alone or path.name in pinned
                    continue
                path.unlink()
                files, size = files + 1, size + state.st_size
        return Cleaned(files, size, kept)

    def _forget(self, before: float, pinned: set[str]) -> set[str]:
        """Drop what was last used before that time and is not pinned; the objects of the rest."""
        used: set[str] = set()
        for record in _files(self._uris):
            with suppress(OSError):
                age = record.stat().st_mtime
                if record.name.startswith(durable.WRITING):  # somebody's who writes it now, unless it is old
                    if age < time.time() - RECENT:
                        record.unlink()
                    continue
                named = _object_of(record)
                if age < before and named not in pinned:
                    record.unlink()
                elif named is not None:
                    used.add(named)
        return used

    def _drop_part(self, path: Path, before: float) -> None:
        """Under its lock: another localhai may be filling it."""
        lock = locks.acquire(self._locks / path.stem, wait=False)
        if lock is None:
            return
        try:
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime < before:
                    path.unlink()
        finally:
            locks.release(self._locks / path.stem, lock)

    def _object(self, sha256: str) -> Path:
        return self._objects / sha256[:2] / sha256

    def _all_objects(self) -> Iterator[Path]:
        for folder in sorted(self._objects.glob("??")):
            yield from _files(folder)


def _object_of(record: Path) -> str | None:
    """The object that a URI gave; None where its record is spoiled."""
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(record.read_bytes())["checksums"]["sha256"])
    return None


def _seal(path: Path, sha256: str) -> None:
    """Give the fraction of its mtime a value that belongs to the content: any later write gives another."""
    os.utime(path, ns=(time.time_ns(), int(time.time()) * NANO + _fraction(sha256)))


def _is_sealed(state: os.stat_result, sha256: str) -> bool:
    """False as well where the disk keeps no fractions."""
    return state.st_mtime_ns % NANO == _fraction(sha256)


def _fraction(sha256: str) -> int:
    return int(sha256[:12], 16) % NANO


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _hash(uri: str) -> str:
    return hashlib.sha256(uri.encode("utf-8", "surrogateescape")).hexdigest()
