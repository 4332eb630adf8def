"""The server behind EmulatedS3: moto's application, with the seed folder's files put in as they are asked for.

moto keeps every object in memory or in a temporary file and reads the whole of it for each ranged GET. Objects of the
seed folder are therefore kept as `FileKey`, and plain GETs of them are answered here, by blocks, from the file.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server import werkzeug_app
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeKey, S3Backend, s3_backends
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from localhai.data.seed_folder import SeedFolder, SeedObject

BLOCK = 1 << 20
_RANGE = re.compile(r"^bytes=(\d+)-(\d*)$")
_Handler: type[WSGIRequestHandler] = getattr(werkzeug_app, "MotoRequestHandler", WSGIRequestHandler)


class FileKey(FakeKey):
    """An object whose bytes stay in the seed folder."""

    def __init__(self, seed: SeedObject, region: str) -> None:
        self.seed = seed
        super().__init__(
            name=seed.key,
            value=b"",
            account_id=DEFAULT_ACCOUNT_ID,
            region_name=region,
            etag=seed.etag.strip('"'),
            bucket_name=seed.bucket,
        )
        self.contentsize = seed.size
        self.last_modified = dt.datetime.fromtimestamp(seed.mtime_ns // 10**9, tz=dt.timezone.utc).replace(tzinfo=None)

    @property
    def value(self) -> bytes:
        """The whole file, for what moto does with whole objects: copies, multipart by copy."""
        return self.seed.path.read_bytes()

    @value.setter
    def value(self, _new_value: bytes) -> None:
        """Called once, when the object is made."""


def make_emulated_server(address: str, seeded: SeedFolder) -> BaseWSGIServer:
    """A threaded server on a free port."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    return make_server(address, 0, _Front(seeded, backend), threaded=True, request_handler=_QuietHandler)


def forget() -> None:
    """Empty moto's memory of S3."""
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()


class _QuietHandler(_Handler):  # type: ignore[misc, valid-type]  # chosen by the version of moto
    protocol_version = "HTTP/1.1"  # one connection serves many requests

    def log(self, *_args: Any, **_kwargs: Any) -> None:
        """Nothing of this server belongs on the user's terminal."""

    def handle(self) -> None:
        """A client that goes away in the middle is no error here."""
        with suppress(ConnectionError, TimeoutError):
            super().handle()


class _Front:
    """WSGI: puts the seed folder into moto as it is asked for, answers plain GETs of its files, leaves the rest."""

    def __init__(self, seeded: SeedFolder, backend: S3Backend) -> None:
        self._seeded = seeded
        self._backend = backend
        self._moto = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
        self._lock = threading.Lock()
        self._touched: set[tuple[str, str]] = set()  # written or deleted over the wire: no longer the folder's

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        bucket, _, key = _path_info(environ).lstrip("/").partition("/")
        query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        method = environ["REQUEST_METHOD"]
        with self._lock:
            self._seed(bucket, key)
            if key and method in {"PUT", "POST", "DELETE"}:
                self._touched.add((bucket, key))
            elif method == "POST" and "delete" in dict(query):
                self._touched.update((bucket, seed.key) for seed in self._seeded.seed_objects(bucket))
            found = self._file(bucket, key) if method == "GET" and not _for_moto(environ, query) else None
        if found is None:
            return self._moto(environ, start_response)  # type: ignore[no-any-return]  # moto has no types
        return _send(found, environ, start_response)

    def _seed(self, bucket: str, key: str) -> None:
        for name in self._seeded.buckets():
            if name not in self._backend.buckets:
                self._backend.create_bucket(name, "us-east-1")
        if bucket not in self._backend.buckets:
            return
        seeds = [self._seeded.seed_object(bucket, key)] if key else self._seeded.seed_objects(bucket)
        keys = self._backend.buckets[bucket].keys
        for seed in seeds:
            if seed is None or (bucket, seed.key) in self._touched:
                continue
            known = keys.get(seed.key)
            if known is None or (isinstance(known, FileKey) and known.seed != seed):
                keys[seed.key] = FileKey(seed, "us-east-1")

    def _file(self, bucket: str, key: str) -> FileKey | None:
        try:
            found = self._backend.get_object(bucket, key) if key else None
        except S3ClientError:
            return None
        return found if isinstance(found, FileKey) else None


def _for_moto(environ: dict[str, Any], query: list[tuple[str, str]]) -> bool:
    """Requests with a sub-resource or a condition other than the ETag are moto's."""
    plain = all(name.lower().startswith("x-amz-") or name == "x-id" for name, _ in query)
    conditions = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE")
    return not plain or any(name in environ for name in conditions)


def _path_info(environ: dict[str, Any]) -> str:
    return str(environ["PATH_INFO"]).encode("latin-1").decode("utf-8", "surrogateescape")


def _send(key: FileKey, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    size = key.seed.size
    headers = [
        ("ETag", key.seed.etag),
        ("Last-Modified", key.last_modified_RFC1123),
        ("Accept-Ranges", "bytes"),
        ("Content-Type", "binary/octet-stream"),
    ]
    if environ.get("HTTP_IF_MATCH", key.seed.etag).strip('"') != key.seed.etag.strip('"'):
        return _refuse(start_response, "412 Precondition Failed", "PreconditionFailed")
    match = _RANGE.match(environ.get("HTTP_RANGE", ""))
    if match is None:
        start_response("200 OK", [*headers, ("Content-Length", str(size))])
        return _blocks(key, 0, size)
    start = int(match[1])
    end = min(int(match[2]) + 1 if match[2] else size, size)
    if start >= size:
        return _refuse(start_response, "416 Requested Range Not Satisfiable", "InvalidRange")
    content = [("Content-Length", str(end - start)), ("Content-Range", f"bytes {start}-{end - 1}/{size}")]
    start_response("206 Partial Content", headers + content)
    return _blocks(key, start, end)


def _refuse(start_response: Any, status: str, code: str) -> list[bytes]:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'.encode()
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def _blocks(key: FileKey, start: int, end: int) -> Iterator[bytes]:
    with key.seed.path.open("rb", buffering=0) as file:
        os.lseek(file.fileno(), start, os.SEEK_SET)
        while start < end and (block := file.read(min(BLOCK, end - start))):
            start += len(block)
            yield block
