"""gs:// and azure:// inputs (platform.md 4.1) through fsspec's file systems, which come with localhai's extras."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from localhai.data.sources.base import Changed, Cut, SourceFile, Stream, Unavailable, is_unknown_name
from localhai.system.retry import TRANSIENT_STATUSES, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.data.uri import Uri


class FileSystem(Protocol):
    """The part of fsspec's AbstractFileSystem that is used."""

    def info(self, path: str) -> dict[str, Any]:
        """Size and version of one file; raises FileNotFoundError."""

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, Any]]:
        """All files below a path, with what `info` says of each."""

    def open(self, path: str, mode: str, *, block_size: int) -> Any:
        """A seekable file."""

    def invalidate_cache(self) -> None:
        """Forget what was listed."""


READ_AHEAD = 8 << 20
# Errors of aiohttp and of Azure's client that mean a broken connection and are no ConnectionError of Python.
_BROKEN = frozenset(
    {
        "ClientConnectionError",
        "ClientPayloadError",
        "ServiceRequestError",
        "ServiceResponseError",
        "TimeoutError",  # asyncio's own, which is another class before Python 3.11
    }
)


class FsspecSource:
    """One object store behind fsspec. `make` gives the file system of an account, and is called once for each."""

    streams = 4

    def __init__(self, make: Callable[[str], FileSystem]) -> None:
        self._make = make
        self._made: dict[str, FileSystem] = {}
        self._lock = threading.Lock()

    def stat(self, uri: Uri) -> SourceFile:
        """What the file system says of one file."""
        path = f"{_bucket(uri)}/{uri.key}"
        info = _plainly(lambda: self._system(uri).info(path))
        if info.get("type") == "directory":
            raise Unavailable(f"it is a folder: write {uri.text.rstrip('/')}/* for its files")
        return _found(uri.text, uri.key, info)

    def list(self, uri: Uri) -> list[SourceFile]:
        """All files below the part before the wildcard that match, sorted by key."""
        bucket = _bucket(uri)
        listing = _plainly(lambda: self._system(uri).find(f"{bucket}/{uri.root}".rstrip("/"), detail=True))
        by_key = {path.lstrip("/").removeprefix(f"{bucket}/"): info for path, info in listing.items()}
        return [_found(uri.of_key(key), key, by_key[key]) for key in sorted(by_key) if uri.matches(key)]

    def open(self, found: SourceFile, start: int = 0, end: int | None = None) -> Stream:
        """A seekable file of fsspec, moved to `start`. At its end it is asked whether it still is the same version.

        These clients ask for one block after another, without a condition; what comes in one block is of one version.
        """
        from localhai.data.uri import parse

        uri = parse(found.uri)
        path = f"{_bucket(uri)}/{uri.key}"
        system = self._system(uri)
        file = _plainly(lambda: system.open(path, "rb", block_size=READ_AHEAD))
        one_block = found.size is not None and found.size <= READ_AHEAD
        return _FsspecStream(file, start, end, _nothing if one_block else lambda: _require_same(system, path, found))

    def _system(self, uri: Uri) -> FileSystem:
        account = uri.container.split("/")[0] if uri.scheme == "azure" else ""
        with self._lock:
            if account not in self._made:
                self._made[account] = self._make(account)
            return self._made[account]


class _FsspecStream:
    def __init__(self, file: Any, start: int, end: int | None, check: Callable[[], None]) -> None:
        self._file = file
        self._left = end - start if end is not None else None
        self._check = check
        self._file.seek(start)

    def read(self, size: int) -> bytes:
        wanted = size if self._left is None else min(size, self._left)
        try:
            block = bytes(self._file.read(wanted))
        except Exception as error:  # each file system has errors of its own
            raise Cut(f"the connection was cut: {error}") from error
        if self._left is not None:
            self._left -= len(block)
        if not block or self._left == 0:
            self._check()
        return block

    def close(self) -> None:
        self._file.close()


def _nothing() -> None:
    """What came in one piece needs no look."""


def _require_same(system: FileSystem, path: str, found: SourceFile) -> None:
    """Raises Changed when the file is not what `found` saw any more."""
    system.invalidate_cache()  # these clients remember listings
    now = _found(found.uri, found.key, _plainly(lambda: system.info(path)))
    if (now.version, now.size) != (found.version, found.size):
        raise Changed


def google(_account: str) -> FileSystem:
    """Google Cloud Storage with the machine's own credentials, anonymous when there are none."""
    try:
        import gcsfs
    except ImportError as error:
        raise _missing("gs", "Google Cloud Storage") from error
    system: FileSystem = gcsfs.GCSFileSystem()
    return system


def azure(account: str) -> FileSystem:
    """Azure Blob Storage with the machine's own credentials (AZURE_STORAGE_*, az login), anonymous without."""
    try:
        import adlfs
    except ImportError as error:
        raise _missing("azure", "Azure Blob Storage") from error
    system: FileSystem = adlfs.AzureBlobFileSystem(account_name=account, anon=False)
    return system


def _missing(extra: str, what: str) -> Unavailable:
    return Unavailable(f"{what} needs an extra: pip install 'localhai[{extra}]'")


def _plainly(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except Unavailable:
        raise
    except FileNotFoundError as error:
        raise Unavailable("there is no such bucket or key") from error
    except PermissionError as error:
        raise Unavailable(f"access is denied: {error}") from error
    except Exception as error:  # each file system has errors of its own
        raise _in_words(error) from error


def _in_words(error: Exception) -> Cut | Unavailable:
    said = str(error) or type(error).__name__
    status = _status(error)
    if status in TRANSIENT_STATUSES:
        headers = getattr(error, "headers", None) or getattr(getattr(error, "response", None), "headers", None) or {}
        return Cut(f"the store is busy ({status})", wait=retry_after(headers.get("Retry-After")))
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, ConnectionError) or names & _BROKEN:
        return Unavailable(f"the store does not answer: {said}", unreachable=True, lasting=is_unknown_name(error))
    return Unavailable(f"the store cannot be asked: {said}")


def _status(error: Exception) -> int:
    """The HTTP status of a refusal: each client keeps it under a name of its own; 0 when there was no answer."""
    for name in ("status", "status_code", "code"):
        value = getattr(error, name, None)
        if str(value).isdecimal():
            return int(str(value))
    return 0


def _bucket(uri: Uri) -> str:
    return uri.container.split("/")[-1]


def _found(uri: str, key: str, info: dict[str, Any]) -> SourceFile:
    version = next(
        (str(info[name]) for name in ("etag", "ETag", "md5Hash", "generation", "last_modified") if info.get(name)), None
    )
    return SourceFile(
        uri=uri, key=key, size=info.get("size"), version=f"{version} {info.get('size')}" if version else None
    )
