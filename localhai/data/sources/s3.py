"""s3:// inputs (platform.md 4.1): HEAD, listing by prefix, ranged and conditional GETs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.data.sources.base import Cut, SourceFile, Stream, Unavailable
from localhai.data.sources.s3_client import plain_words
from localhai.data.uri import parse

if TYPE_CHECKING:
    from localhai.data.seed_folder import SeedObject
    from localhai.data.sources.s3_client import S3Clients
    from localhai.data.uri import Uri


class S3Source:
    """S3 of any maker. Files of the embedded S3 that nobody has written to are looked at without starting it."""

    def __init__(self, clients: S3Clients) -> None:
        self._clients = clients
        # Without distance one connection brings more than md5 can digest; a second one only costs the digests time.
        self.streams = 1 if clients.nearby else 4

    def stat(self, uri: Uri) -> SourceFile:
        """One HEAD; on a 404 a second one tells whether it is the bucket that is missing."""
        seed = self._seed(uri)
        if seed is not None:
            return _found_seed(uri, seed)
        client = self._clients.client()
        try:
            with self._words(uri.container):
                head = client.head_object(Bucket=uri.container, Key=uri.key)
        except Unavailable as error:
            if error.missing:
                self._explain_missing(uri)
            raise
        return _found(uri.text, uri.key, head["ContentLength"], head["ETag"])

    def list(self, uri: Uri) -> list[SourceFile]:
        """All pages below the part before the wildcard. Empty keys that end with / are folders, not files."""
        emulated = self._clients.emulated
        if emulated is not None and not emulated.running and uri.container in emulated.buckets():
            seeds = (seed for seed in emulated.seed_objects(uri.container) if uri.matches(seed.key))
            return sorted((_found_seed(uri, seed) for seed in seeds), key=lambda found: found.key)
        pages = self._clients.client().get_paginator("list_objects_v2")
        found: list[SourceFile] = []
        with self._words(uri.container):
            for page in pages.paginate(Bucket=uri.container, Prefix=uri.prefix):
                items = [item for item in page.get("Contents", ()) if not item["Key"].endswith("/")]
                found += [
                    _found(uri.of_key(item["Key"]), item["Key"], item["Size"], item["ETag"])
                    for item in items
                    if uri.matches(item["Key"])
                ]
        return found

    def open(self, found: SourceFile, start: int = 0, end: int | None = None) -> Stream:
        """A GET that fails when the ETag is another."""
        bucket = parse(found.uri).container
        asked: dict[str, Any] = {"Bucket": bucket, "Key": found.key}
        if found.etag:
            asked["IfMatch"] = found.etag
        if start or (end is not None and end != found.size):
            asked["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        with self._words(bucket):
            return S3Stream(self._clients.client().get_object(**asked)["Body"])

    def presigned(self, uri: Uri, seconds: int = 3600) -> str:
        """An address that anybody who can reach this S3 may GET for a while: what on-demand inputs are given."""
        with self._words(uri.container):
            asked = {"Bucket": uri.container, "Key": uri.key}
            return self._clients.client().generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds)

    def _seed(self, uri: Uri) -> SeedObject | None:
        emulated = self._clients.emulated
        if emulated is None or emulated.running:
            return None
        return emulated.seed_object(uri.container, uri.key)

    def _explain_missing(self, uri: Uri) -> None:
        with self._words(uri.container):
            try:
                self._clients.client().head_bucket(Bucket=uri.container)
            except self._clients.client().exceptions.ClientError as error:
                if error.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
                    raise Unavailable(f"there is no bucket {uri.container!r}") from error
                return
        raise Unavailable(f"there is no such key in the bucket {uri.container!r}")

    def _words(self, bucket: str) -> Any:
        return plain_words(bucket, unsigned=self._clients.unsigned)


class S3Stream:
    """The body of an answer."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int) -> bytes:
        import botocore.exceptions
        import urllib3

        try:
            return bytes(self._body.read(size))
        except (botocore.exceptions.BotoCoreError, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Cut(f"the connection to S3 was cut: {error}") from error

    def close(self) -> None:
        self._body.close()


def _found(uri: str, key: str, size: int, etag: str) -> SourceFile:
    return SourceFile(uri=uri, key=key, size=size, version=f"{etag} {size}", etag=etag)


def _found_seed(uri: Uri, seed: SeedObject) -> SourceFile:
    return _found(uri.of_key(seed.key), seed.key, seed.size, seed.etag)
