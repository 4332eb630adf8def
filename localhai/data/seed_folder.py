"""The folder `BUCKET/KEY...` that fills the embedded S3: its files as S3 shows them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct


class SeedObject(Struct, frozen=True):
    """A file of the seed folder as S3 shows it. The ETag changes with size and mtime, as a multipart ETag's form."""

    bucket: str
    key: str
    path: Path
    size: int
    mtime_ns: int

    @property
    def etag(self) -> str:
        """Quoted, as S3 writes it."""
        digest = hashlib.md5(f"{self.size} {self.mtime_ns}".encode(), usedforsecurity=False).hexdigest()
        return f'"{digest}-1"'


class SeedFolder:
    """Buckets and objects as they stand in `folder` now; None: there are none."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def buckets(self) -> list[str]:
        """Folders right below the seed folder."""
        if self.folder is None or not self.folder.is_dir():
            return []
        return sorted(entry.name for entry in os.scandir(self.folder) if entry.is_dir())

    def seed_object(self, bucket: str, key: str) -> SeedObject | None:
        """One file of the seed folder; None when there is none, or when the key would lead out of the folder."""
        if self.folder is None or not _plain(bucket) or not all(_plain(part) for part in key.split("/")):
            return None
        path = self.folder / bucket / key
        return _seed_object(bucket, key, path) if path.is_file() else None

    def seed_objects(self, bucket: str) -> Iterator[SeedObject]:
        """All files of one bucket's folder, sorted by key within each folder."""
        if self.folder is None or not _plain(bucket):
            return
        top = self.folder / bucket
        for folder, folders, names in os.walk(top, followlinks=True):
            folders.sort()
            for name in sorted(names):
                path = top / folder / name
                if path.is_file():
                    yield _seed_object(bucket, path.relative_to(top).as_posix(), path)


def _plain(part: str) -> bool:
    return part not in {"", ".", ".."} and "\0" not in part


def _seed_object(bucket: str, key: str, path: Path) -> SeedObject:
    state = path.stat()
    return SeedObject(bucket, key, path, state.st_size, state.st_mtime_ns)
