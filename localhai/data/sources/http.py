"""http(s):// inputs: any URL, basic auth in it, redirects, names from Content-Disposition (platform.md 4.1)."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from localhai.data.access import EVERYTHING
from localhai.data.sources.base import (
    GZIP,
    Changed,
    Cut,
    NoRanges,
    SourceFile,
    Stream,
    Unavailable,
    innermost,
    is_unknown_name,
)
from localhai.data.sources.http_headers import Gunzipped, content_encoding, disposition_name, is_weak
from localhai.data.uri import last_segment
from localhai.system.retry import TRANSIENT_STATUSES, retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from localhai.data.access import Access
    from localhai.data.uri import Uri

TIMEOUTS = (10.0, 60.0)  # to connect, and between two bytes
_POOLS = 16  # servers; twice as many connections to each
_IDENTITY = {"Accept-Encoding": "identity", "User-Agent": "localhai"}
_DRIVE_FILE = re.compile(r"^/file/d/([^/]+)")
_REASONS = {
    401: "the server wants a login (401): write it into the URL as https://USER:PASSWORD@host/...",
    403: "access is denied (403): the link may be private or expired",
    404: "there is nothing at that address (404)",
    410: "it was there once and is gone (410)",
}


class HttpSource:
    """Web servers, by one session of requests: proxies, certificates and netrc are honoured as it does.

    `access` is of who asks: an address that it does not open raises Unavailable, before anything is sent there.
    """

    streams = 4

    def __init__(self, access: Access = EVERYTHING) -> None:
        self._access = access
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            self._session.close()

    def stat(self, uri: Uri) -> SourceFile:
        """Size, version and name by a HEAD; by a GET that is not read when the server refuses HEAD."""
        url = drive_download_url(uri.text)
        with _plain_words():
            response = self._requests().head(url, allow_redirects=True, timeout=TIMEOUTS, headers=_IDENTITY)
            if response.status_code >= 400:  # noqa: PLR2004 - HTTP's errors; signed links often refuse HEAD
                response = self._get(url, {})
                response.close()
        _refuse(response)
        _refuse_drive_page(url, response)
        return _found(uri, response)

    def list(self, uri: Uri) -> list[SourceFile]:
        """A web server has no listing."""
        return [self.stat(uri)]

    def open(self, found: SourceFile, start: int = 0, end: int | None = None) -> Stream:
        """A GET, ranged when it is for a part, conditional on the version that `found` saw."""
        if found.encoding is not None and start:
            raise NoRanges  # positions in what is decoded mean nothing to the server
        headers = {}
        if start or (end is not None and end != found.size):
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
            condition = found.modified if is_weak(found.etag) else found.etag or found.modified
            if condition:
                headers["If-Range"] = condition
        with _plain_words():
            response = self._get(drive_download_url(found.uri), headers)
        try:
            if found.encoding is None:
                _check_part(found, response, start, end)
            else:
                _check_encoded(found, response)
        except BaseException:
            response.close()
            raise
        stream = _HttpStream(response)
        return Gunzipped(stream) if found.encoding in GZIP else stream

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        return self._requests().get(url, stream=True, timeout=TIMEOUTS, headers={**_IDENTITY, **headers})

    def _requests(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = self._made()
            return self._session

    def _made(self) -> requests.Session:
        if self._access.networks is not None:
            from localhai.data.sources import guarded

            return guarded.session(self._access, pool_connections=_POOLS, pool_maxsize=2 * _POOLS)
        import requests
        from requests.adapters import HTTPAdapter

        made = requests.Session()
        for scheme in ("http://", "https://"):
            made.mount(scheme, HTTPAdapter(pool_connections=_POOLS, pool_maxsize=2 * _POOLS))
        return made


class _HttpStream:
    def __init__(self, response: requests.Response) -> None:
        self._response = response

    def read(self, size: int) -> bytes:
        import urllib3

        try:
            return bytes(self._response.raw.read(size, decode_content=False))
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Cut(f"the connection was cut: {error}") from error

    def close(self) -> None:
        self._response.close()


@contextmanager
def _plain_words() -> Iterator[None]:
    import requests

    try:
        yield
    except requests.exceptions.SSLError as error:
        raise Unavailable(f"the server's certificate is not trusted: {_words(error)}") from error
    except requests.exceptions.TooManyRedirects as error:
        raise Unavailable("the server redirects in a circle") from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        lasting = is_unknown_name(error)
        raise Unavailable(f"the server does not answer: {_words(error)}", unreachable=True, lasting=lasting) from error
    except requests.exceptions.RequestException as error:
        raise Unavailable(f"it cannot be asked for: {_words(error)}") from error


def _words(error: BaseException) -> str:
    """The operating system's own words, out of the layers that requests and urllib3 put around them."""
    inner = innermost(error)
    if isinstance(inner, OSError):
        return str(inner.strerror)
    return str(error).split("(Caused by", 1)[0].strip() or type(error).__name__


def _refuse(response: requests.Response) -> None:
    status = response.status_code
    if status < 400:  # noqa: PLR2004 - HTTP's errors
        return
    if status in TRANSIENT_STATUSES:
        asked = retry_after(response.headers.get("Retry-After"))
        raise Cut(f"the server is busy ({status} {response.reason})", wait=asked)
    raise Unavailable(_REASONS.get(status, f"the server refuses ({status} {response.reason})"))


def _check_part(found: SourceFile, response: requests.Response, start: int, end: int | None) -> None:
    status = response.status_code
    if status in {412, 416}:
        raise Changed
    _refuse(response)
    if not _same_version(found, response):
        raise Changed
    encoding = content_encoding(response.headers.get("Content-Encoding"), last_segment(found.key))
    if encoding is not None:
        raise NoRanges(encoding)
    if status == 206:  # noqa: PLR2004 - partial content
        expected = f"bytes {start}-"
        if not response.headers.get("Content-Range", "").startswith(expected):
            raise NoRanges
    elif start or (end is not None and end != found.size):
        raise NoRanges
    elif found.size is not None and int(response.headers.get("Content-Length", found.size)) != found.size:
        raise Changed


def _check_encoded(found: SourceFile, response: requests.Response) -> None:
    _refuse(response)
    if not _same_version(found, response):
        raise Changed


def _same_version(found: SourceFile, response: requests.Response) -> bool:
    etag = response.headers.get("ETag")
    return not (found.etag and etag) or found.etag.removeprefix("W/") == etag.removeprefix("W/")


def _found(uri: Uri, response: requests.Response) -> SourceFile:
    headers = response.headers
    length = headers.get("Content-Length", "")
    encoding = content_encoding(headers.get("Content-Encoding"), last_segment(uri.key))
    sized = length.isdigit() and int(length) > 0 and encoding not in GZIP  # some servers answer 0 to every HEAD
    size = int(length) if sized else None
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    conditional = modified is not None or not is_weak(etag)
    version = etag or modified
    return SourceFile(
        uri=uri.text,
        key=uri.key,
        size=size,
        version=f"{version} {size}" if version else None,
        etag=etag,
        modified=modified,
        given=disposition_name(headers.get("Content-Disposition")),
        ranges=headers.get("Accept-Ranges", "").lower() == "bytes" and encoding is None and conditional,
        encoding=encoding,
    )


def drive_download_url(url: str) -> str:
    """The download address for a Google Drive page: the links that people copy show a page, not the file."""
    parts = urlsplit(url)
    if parts.hostname not in {"drive.google.com", "docs.google.com"}:
        return url
    page = _DRIVE_FILE.match(parts.path)
    identifier = page[1] if page else (parse_qs(parts.query).get("id") or [""])[0]
    if not identifier or not (page or parts.path in {"/uc", "/open"}):
        return url
    return f"https://drive.usercontent.google.com/download?id={identifier}&export=download&confirm=t"


def _refuse_drive_page(url: str, response: requests.Response) -> None:
    page = response.headers.get("Content-Type", "").startswith("text/html")
    named = "Content-Disposition" in response.headers
    if page and not named and (urlsplit(url).hostname or "").endswith("google.com"):
        raise Unavailable("Google answers with a page instead of the file: share it with everybody who has the link")
