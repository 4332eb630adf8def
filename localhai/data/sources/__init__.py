"""The places that bytes come from, by scheme (platform.md 4.1). `DataSources` holds their clients, made when needed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.data.access import EVERYTHING
from localhai.data.sources.base import Unavailable
from localhai.data.uri import PLATFORM_ONLY
from localhai.system.retry import Retry

if TYPE_CHECKING:
    from typing_extensions import Self

    from localhai.data.access import Access
    from localhai.data.emulated_s3 import EmulatedS3
    from localhai.data.sources.base import Source
    from localhai.data.sources.s3_client import S3Clients


class DataSources:
    """All clients that inputs and the store need; nothing is imported or connected before a URI asks for it.

    `s3_folder`: serve s3:// from this folder by the embedded S3. `s3_endpoint_url`: an S3 of one's own. `base` is where
    relative paths start. `retry`: for how long what is busy or away is asked again. Safe between threads. The caller
    closes it.
    """

    def __init__(
        self,
        *,
        s3_folder: Path | None = None,
        s3_endpoint_url: str | None = None,
        base: Path | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.retry = retry or Retry()
        self._s3_folder = s3_folder
        self._s3_endpoint_url = s3_endpoint_url
        self._base = base or Path.cwd()
        self._sources: dict[object, Source] = {}
        self._s3_clients: S3Clients | None = None
        self._emulated: EmulatedS3 | None = None
        self._lock = threading.RLock()

    @property
    def emulates_s3(self) -> bool:
        """Whether s3:// means the embedded S3, which forgets what is written to it."""
        return self._s3_folder is not None and not self._s3_endpoint_url

    @property
    def emulated_s3(self) -> EmulatedS3:
        """The embedded S3 of these settings, started only when it is asked for its address."""
        with self._lock:
            if self._emulated is None:
                from localhai.data.emulated_s3 import EmulatedS3

                self._emulated = EmulatedS3(self._s3_folder)
            return self._emulated

    def s3_clients(self) -> S3Clients:
        """The S3 client of these settings."""
        with self._lock:
            if self._s3_clients is None:
                from localhai.data.sources.s3_client import S3Clients

                emulated = self.emulated_s3 if self.emulates_s3 else None
                self._s3_clients = S3Clients(emulated=emulated, endpoint_url=self._s3_endpoint_url)
            return self._s3_clients

    @property
    def base(self) -> Path:
        """Where relative paths start."""
        return self._base

    def for_scheme(self, scheme: str, access: Access = EVERYTHING) -> Source:
        """The source for a scheme, for one of this reach. Raises Unavailable when there is none."""
        kind = "http" if scheme == "https" else scheme
        key = (kind, access.folders, access.closed, access.networks) if kind in {"http", "file"} else kind
        with self._lock:
            if key not in self._sources:
                self._sources[key] = self._make(kind, access)
            return self._sources[key]

    def cache_key(self, uri: str) -> str:
        """What the cache knows a URI by: the same s3:// URI is another thing at another S3."""
        if not uri.lower().startswith(("s3:", "s3a:", "s3n:")):
            return uri
        place = self._s3_folder if self.emulates_s3 else self._s3_endpoint_url
        return f"{uri} at {place}" if place else uri

    def close(self) -> None:
        """Close all connections, stop the embedded S3. Idempotent."""
        for source in self._sources.values():
            close = getattr(source, "close", None)
            if close is not None:
                close()
        self._sources.clear()
        if self._s3_clients is not None:
            self._s3_clients.close()
        if self._emulated is not None:
            self._emulated.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _make(self, kind: str, access: Access) -> Source:
        if kind == "s3":
            from localhai.data.sources.s3 import S3Source

            return S3Source(self.s3_clients())
        if kind == "http":
            from localhai.data.sources.http import HttpSource

            return HttpSource(access)
        if kind == "file":
            from localhai.data.sources.local import LocalSource

            return LocalSource(self._base, access)
        if kind in {"gs", "azure"}:
            from localhai.data.sources import fsspec

            return fsspec.FsspecSource(fsspec.google if kind == "gs" else fsspec.azure)
        if kind in PLATFORM_ONLY:
            raise Unavailable(f"{kind}:// can be read on the platform only")
        raise Unavailable(f"{kind}:// is not a scheme that inputs can have")
