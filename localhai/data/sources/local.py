"""file:// and plain paths: files of this machine, which the platform cannot read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.data.access import EVERYTHING, NO_FILE, absolute
from localhai.data.sources.base import Cut, SourceFile, Stream, Unavailable

if TYPE_CHECKING:
    from localhai.data.access import Access
    from localhai.data.uri import Uri


class LocalSource:
    """Files below `base` (for relative paths) or anywhere. A version is size, mtime, inode and device.

    `access` is of who asks: what it does not open raises Unavailable, also where a link leads out of what it does.
    """

    streams = 1

    def __init__(self, base: Path, access: Access = EVERYTHING) -> None:
        self.base = base
        self._access = access

    def stat(self, uri: Uri) -> SourceFile:
        """One stat; links are followed."""
        return self.stat_key(uri.key)

    def stat_key(self, key: str) -> SourceFile:
        """As `stat`, by path."""
        path = self.path(key)
        try:
            state = path.stat()
        except OSError as error:
            raise Unavailable(_reason(error)) from error
        if stat.S_ISDIR(state.st_mode):
            raise Unavailable(f"it is a folder: write {key.rstrip('/')}/* for its files, /** for all below it")
        if not stat.S_ISREG(state.st_mode):
            raise Unavailable("it is not a regular file")
        return _found(path, key, state)

    def list(self, uri: Uri) -> list[SourceFile]:
        """Files below the part before the wildcard that match, sorted by path."""
        top = self.path(uri.root)
        if uri.root and not top.is_dir():
            return []
        recursive = "**" in uri.key or "/" in uri.key.removeprefix(uri.root)
        found: list[SourceFile] = []
        for folder, folders, names in os.walk(top):
            if not recursive:
                folders.clear()
            below = Path(folder).relative_to(top)
            for name in names:
                key = uri.root + (below / name).as_posix()
                path = top / below / name
                if uri.matches(key) and self._access.may_read(str(path)) and path.is_file():
                    found.append(_found(path, key, path.stat()))
        return sorted(found, key=lambda item: item.key)

    def open(self, found: SourceFile, start: int = 0, end: int | None = None) -> Stream:
        """The file from `start` on; `end` only spares reading more than wanted."""
        return _LocalStream(self.path(found.key), start, end)

    def path(self, key: str) -> Path:
        """The absolute path that a key means. Raises Unavailable for one that may not be read."""
        found = absolute(self.base, key)
        if not self._access.may_read(found):
            raise Unavailable(NO_FILE)
        return Path(found)


class _LocalStream:
    def __init__(self, path: Path, start: int, end: int | None) -> None:
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise Unavailable(_reason(error)) from error
        self._file.seek(start)
        self._left = end - start if end is not None else None

    def read(self, size: int) -> bytes:
        wanted = size if self._left is None else min(size, self._left)
        try:
            block = self._file.read(wanted)
        except OSError as error:
            raise Cut(f"it cannot be read: {error.strerror}") from error
        if self._left is not None:
            self._left -= len(block)
        return block

    def close(self) -> None:
        self._file.close()


def _found(path: Path, key: str, state: os.stat_result) -> SourceFile:
    version = f"{state.st_size} {state.st_mtime_ns} {state.st_ino} {state.st_dev}"
    return SourceFile(uri=path.as_uri(), key=key, size=state.st_size, version=version)


def _reason(error: OSError) -> str:
    reasons = {"FileNotFoundError": "there is no such file", "PermissionError": "it may not be read"}
    return reasons.get(type(error).__name__, f"it cannot be read: {error.strerror}")
