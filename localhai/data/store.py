"""Where outputs are kept: a folder of this machine, or an S3 bucket. A key is written once and never again.

Keys are the caller's: `/`-separated, without `..`. `put` gives the URI that records keep; the other calls take it.
"""

from __future__ import annotations

import errno
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from localhai.data import checksums as calculate
from localhai.data import placement
from localhai.data.disk import disk_in_words, human_size, require_room
from localhai.data.sources.base import SourceError, gave_up, trouble
from localhai.data.sources.s3_client import plain_words
from localhai.data.uri import parse
from localhai.errors import SurroundingsError
from localhai.system import durable
from localhai.system.copies import copy_bytes, create_copy
from localhai.system.retry import ONCE, QUIETLY, Retry, Waiter, call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from localhai.data.files import Checksums
    from localhai.data.sources import DataSources
    from localhai.data.sources.s3_client import S3Clients

PAGE = 4096  # what reaches a disk whole or not at all
PROBE = "localhai-check"
PART = 64 << 20  # bytes of one part of a multipart upload
_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES})


class Store(Protocol):
    """Immutable bytes by key. Failures are SurroundingsError (a full disk is DiskFull), in words."""

    url: str

    def put(
        self, path: Path, key: str, checksums: Checksums, *, move: bool = False, waiter: Waiter | None = None
    ) -> str:
        """Keep a file and give its URI. `move`: the file at `path` is no longer needed.

        `waiter` waits when the store is away for a moment, in place of the one that the store was opened with. Raises
        SurroundingsError when the key is taken by other bytes; the same bytes again are fine.
        """

    def put_all(self, files: Sequence[tuple[Path, str, Checksums]], *, waiter: Waiter | None = None) -> list[str]:
        """Keep many files, each `(path, key, checksums)`, and give their URIs: what `put` does, in less time."""

    def path(self, uri: str) -> Path | None:
        """The bytes as a file of this machine, None when they are elsewhere or gone."""

    def open(self, uri: str) -> IO[bytes]:
        """The bytes, to read and close."""

    def delete(self, uri: str) -> None:
        """Forget the bytes; none there is fine."""

    def check(self, *, write: bool = False) -> None:
        """Raises SurroundingsError when it is not there, or with `write` takes nothing. Waits for nothing."""


def open_store(url_or_path: str | Path, *, sources: DataSources | None = None, waiter: Waiter = QUIETLY) -> Store:
    """The store at a folder, `file://` or `s3://bucket/prefix`. S3 needs `sources` for its client.

    A store that is away for a moment is waited for, as long as a source would be: `waiter` says how.

    Raises SurroundingsError for other schemes, and for the embedded S3, which forgets everything with its process.
    """
    text = str(url_or_path)
    if not text.startswith("s3://"):
        uri = parse(text)
        if uri.scheme != "file":
            raise SurroundingsError(
                f"outputs cannot be kept at {text}", hints=("a folder or s3://BUCKET/PREFIX can keep them",)
            )
        return LocalStore(Path(os.path.abspath(Path(uri.key).expanduser())))
    if sources is None or sources.emulates_s3:
        raise SurroundingsError(
            f"outputs cannot be kept at {text}: the embedded S3 forgets them when localhai ends",
            hints=("set AWS_ENDPOINT_URL, or s3.endpoint_url in localhai.toml, to an S3 that stays",),
        )
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    return S3Store(bucket, prefix, sources.s3_clients(), waiter=waiter, retry=sources.retry)


class LocalStore:
    """A folder. A file comes in as a second name of the same bytes where the disk allows it, and is made mode 0444."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = str(folder)

    def put(
        self,
        path: Path,
        key: str,
        checksums: Checksums,
        *,
        move: bool = False,
        waiter: Waiter | None = None,  # noqa: ARG002 - part of the protocol
    ) -> str:
        """Link or move on one disk, copy between two. The target appears at once, complete, and for good."""
        found = self.put_all([(path, key, checksums)])
        if move:
            with disk_in_words(self.folder, f"the output {key}"):
                path.unlink(missing_ok=True)
        return found[0]

    def put_all(
        self,
        files: Sequence[tuple[Path, str, Checksums]],
        *,
        waiter: Waiter | None = None,  # noqa: ARG002 - part of the protocol
    ) -> list[str]:
        """The bytes of all are on the disk before the first has its name there, and folders are synced once."""
        targets = [self.folder / placement.safe(key) for _, key, _ in files]
        with disk_in_words(self.folder, "the outputs"):
            durable.sync_files(path for path, _, _ in files)
        for (path, key, checksums), target in zip(files, targets, strict=True):
            with disk_in_words(self.folder, f"the output {key}"):
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    self._bring(path, target)
                elif calculate.of_file(target) != checksums:
                    self._repair(path, key, target)
        durable.sync_folders(folder for target in targets for folder in self._folders_of(target))
        return [target.as_uri() for target in targets]

    def _folders_of(self, target: Path) -> list[Path]:
        """From the folder of a file up to that of the store."""
        return [folder for folder in target.parents if folder == self.folder or self.folder in folder.parents]

    def _repair(self, path: Path, key: str, target: Path) -> None:
        """What a power cut left of these very bytes is made whole; other bytes are refused."""
        if not _is_torn(target, path):
            raise _taken(str(self.folder / key), str(target.parent))
        self._copy(path, target)
        target.chmod(0o444)

    def path(self, uri: str) -> Path | None:
        """The stored file."""
        path = Path(parse(uri).key)
        return path if path.is_file() else None

    def open(self, uri: str) -> IO[bytes]:
        """The stored file, opened."""
        path = self.path(uri)
        if path is None:
            raise SurroundingsError(f"the bytes of {uri} are gone from the store", where=str(self.folder))
        return path.open("rb")

    def delete(self, uri: str) -> None:
        """The file, and folders that are empty then."""
        path = Path(parse(uri).key)
        if self.folder not in path.parents:
            raise SurroundingsError(f"{uri} is not of this store", where=str(self.folder))
        with disk_in_words(self.folder, "the store"):
            path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self.folder:
                break
            with suppress(OSError):
                folder.rmdir()

    def check(self, *, write: bool = False) -> None:
        """The folder; one that is not there yet is made."""
        with disk_in_words(self.folder, "the store"):
            self.folder.mkdir(parents=True, exist_ok=True)
            if write:
                probe = self.folder / f".{PROBE}-{uuid.uuid4().hex}"
                probe.write_bytes(b"")
                probe.unlink()

    def _bring(self, path: Path, target: Path) -> None:
        """Link (never over anything: a key is written once), else copy beside the target and link that."""
        try:
            os.link(path, target, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            self._copy(path, target)
        target.chmod(0o444)

    def _copy(self, path: Path, target: Path) -> None:
        fresh = target.parent / f".{uuid.uuid4().hex}"
        try:
            with path.open("rb") as origin:
                writer, shared = create_copy(origin.fileno(), str(fresh))
                with os.fdopen(writer, "wb", buffering=0):
                    if not shared:
                        require_room(target.parent, os.fstat(origin.fileno()).st_size, target.name)
                        copy_bytes(origin.fileno(), writer)
            durable.settle(fresh, target)
        finally:
            fresh.unlink(missing_ok=True)


class S3Store:
    """A prefix of a bucket, by multipart upload; the checksums go along as metadata of the object.

    Every call waits for an S3 that is busy or away for a moment.
    """

    def __init__(
        self, bucket: str, prefix: str, clients: S3Clients, *, waiter: Waiter = QUIETLY, retry: Retry | None = None
    ) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self.url = f"s3://{bucket}/{self.prefix}".rstrip("/")
        self._clients = clients
        self._waiter = waiter
        self._retry = retry or Retry()

    def put(
        self, path: Path, key: str, checksums: Checksums, *, move: bool = False, waiter: Waiter | None = None
    ) -> str:
        """Upload; several parts at once for a large file."""
        full = "/".join(part for part in (self.prefix, placement.safe(key)) if part)
        found = self._head(full, waiter)
        known = None if found is None else dict(found["Metadata"])
        if known is not None and known.get("sha256") != checksums.sha256:
            raise _taken(f"s3://{self.bucket}/{full}", self.url)
        if known is None:
            self._upload(path, full, checksums, waiter)
        if move:
            path.unlink(missing_ok=True)
        return f"s3://{self.bucket}/{full}"

    def put_all(self, files: Sequence[tuple[Path, str, Checksums]], *, waiter: Waiter | None = None) -> list[str]:
        """One after another: each is sent in parts side by side if it is large."""
        return [self.put(path, key, checksums, waiter=waiter) for path, key, checksums in files]

    def path(self, uri: str) -> Path | None:  # noqa: ARG002 - part of the protocol
        """Never here."""
        return None

    def open(self, uri: str) -> IO[bytes]:
        """The object as it comes; a connection that breaks goes on where it stopped."""
        from localhai.data.object_reader import ObjectReader  # only few commands read from a store

        return ObjectReader.buffered(lambda start, etag: self._get(uri, start, etag), self._retry, self._waiter)

    def _get(self, uri: str, start: int, etag: str | None) -> Any:
        """The answer to a GET from a byte on, of the version that the first one gave."""
        asked: dict[str, Any] = {"Bucket": self.bucket, "Key": parse(uri).key}
        if start:
            asked["Range"] = f"bytes={start}-"
        if etag is not None:
            asked["IfMatch"] = etag
        return self._asked(uri, lambda client: client.get_object(**asked))

    def delete(self, uri: str) -> None:
        """The object."""
        key = parse(uri).key
        self._asked(uri, lambda client: client.delete_object(Bucket=self.bucket, Key=key))

    def check(self, *, write: bool = False) -> None:
        """The bucket, and an object that is put there and deleted again."""
        quick = S3Store(self.bucket, self.prefix, self._clients, retry=ONCE)
        if not write:
            quick._asked(self.url, lambda client: client.head_bucket(Bucket=self.bucket))
            return
        key = "/".join(part for part in (self.prefix, f".{PROBE}-{uuid.uuid4().hex}") if part)
        quick._asked(self.url, lambda client: client.put_object(Bucket=self.bucket, Key=key, Body=b""))
        quick._asked(self.url, lambda client: client.delete_object(Bucket=self.bucket, Key=key))

    def _upload(self, path: Path, key: str, checksums: Checksums, waiter: Waiter | None) -> None:
        from s3transfer.manager import TransferConfig, TransferManager

        config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_request_concurrency=4)
        extra = {"Metadata": {"md5": checksums.md5, "sha1": checksums.sha1, "sha256": checksums.sha256}}

        def upload(client: Any) -> None:
            with TransferManager(client, config) as manager:
                manager.upload(str(path), self.bucket, key, extra).result()

        self._asked(f"s3://{self.bucket}/{key} ({human_size(path.stat().st_size)})", upload, waiter)

    def kept(self, uri: str) -> tuple[int, str | None] | None:
        """Size of an object, and the sha256 that it was kept with (None: not by `put`); None when there is none."""
        found = self._head(parse(uri).key)
        return None if found is None else (found["ContentLength"], found["Metadata"].get("sha256"))

    def _head(self, key: str, waiter: Waiter | None = None) -> dict[str, Any] | None:
        import botocore.exceptions

        def head(client: Any) -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = client.head_object(Bucket=self.bucket, Key=key)
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                    return None
                raise
            return found

        answer: dict[str, Any] | None = self._asked(f"s3://{self.bucket}/{key}", head, waiter)
        return answer

    def _asked(self, what: str, ask: Callable[[Any], Any], waiter: Waiter | None = None) -> Any:
        def once() -> Any:
            client = self._clients.client()
            with plain_words(self.bucket, unsigned=self._clients.unsigned):
                return ask(client)

        waiting = _naming(self.url, waiter or self._waiter)
        try:
            return call(once, trouble, policy=self._retry, waiter=waiting, gave_up=gave_up)
        except SourceError as error:
            message = f"the store does not take or give {what}: {error.reason}"
            raise SurroundingsError(message, where=self.url) from error


def _naming(where: str, waiter: Waiter) -> Waiter:
    return Waiter(lambda reason: waiter.tell(f"The store {where}: {reason}"), waiter.cancelled)


def _is_torn(target: Path, whole: Path) -> bool:
    """Whether a stored file is the beginning of another, with zeros in place of what never reached the disk."""
    if os.path.samefile(target, whole) or target.stat().st_size > whole.stat().st_size:
        return False
    with target.open("rb") as torn, whole.open("rb") as good:
        while block := torn.read(PAGE):
            if block != good.read(len(block)) and block.strip(b"\0"):
                return False
    return True


def _taken(what: str, where: str) -> SurroundingsError:
    return SurroundingsError(
        f"{what} is kept already and holds other bytes: nothing stored is ever replaced", where=where
    )
