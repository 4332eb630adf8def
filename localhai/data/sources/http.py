"""http(s):// inputs: any URL, basic auth in it, redirects, names from Content-Disposition (reference 4.1)."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from email.message import Message
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from localhai.data.sources.base import Changed, Cut, Found, NoRanges, Stream, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from localhai.data.uri import Uri

TIMEOUTS = (10.0, 60.0)  # to connect, and between two bytes
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 30.0
_IDENTITY = {"Accept-Encoding": "identity", "User-Agent": "localhai"}
_DRIVE_FILE = re.compile(r"^/file/d/([^/]+)")
_REASONS = {
    401: "the server wants a login (401): write it into the URL as https://USER:PASSWORD@host/...",
    403: "access is denied (403): the link may be private or expired",
    404: "there is nothing at that address (404)",
    410: "it was there once and is gone (410)",
}


class HttpSource:
    """Web servers, by one session of requests: proxies, certificates and netrc are honoured as it does."""

    streams = 4

    def __init__(self) -> None:
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            self._session.close()

    def stat(self, uri: Uri) -> Found:
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

    def list(self, uri: Uri) -> list[Found]:
        """A web server has no listing."""
        return [self.stat(uri)]

    def open(self, found: Found, start: int = 0, end: int | None = None) -> Stream:
        """A GET, ranged when it is for a part, conditional on the version that `found` saw."""
        headers = {}
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
            condition = found.etag if found.etag and not found.etag.startswith("W/") else found.modified
            if condition:
                headers["If-Range"] = condition
        with _plain_words():
            response = self._get(drive_download_url(found.uri), headers)
        try:
            _check_part(found, response, start, end)
        except BaseException:
            response.close()
            raise
        return _HttpStream(response)

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        return self._requests().get(url, stream=True, timeout=TIMEOUTS, headers={**_IDENTITY, **headers})

    def _requests(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                import requests
                from requests.adapters import HTTPAdapter

                self._session = requests.Session()
                for scheme in ("http://", "https://"):
                    self._session.mount(scheme, HTTPAdapter(pool_connections=16, pool_maxsize=32))
            return self._session


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
        raise Unavailable(f"the server's certificate is not trusted: {_innermost(error)}") from error
    except requests.exceptions.TooManyRedirects as error:
        raise Unavailable("the server redirects in a circle") from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise Unavailable(f"the server does not answer: {_innermost(error)}", unreachable=True) from error
    except requests.exceptions.RequestException as error:
        raise Unavailable(f"it cannot be asked for: {_innermost(error)}") from error


def _innermost(error: BaseException) -> str:
    """The operating system's own words, out of the layers that requests and urllib3 put around them."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        nested = [item for item in (getattr(seen, "reason", None), *seen.args) if isinstance(item, BaseException)]
        seen = nested[0] if nested else seen.__cause__ or seen.__context__
    return str(error).split("(Caused by", 1)[0].strip() or type(error).__name__


def _refuse(response: requests.Response) -> None:
    status = response.status_code
    if status < 400:  # noqa: PLR2004 - HTTP's errors
        return
    if status in BUSY:
        raise Unavailable(f"the server is in trouble ({status} {response.reason})", unreachable=True)
    raise Unavailable(_REASONS.get(status, f"the server refuses ({status} {response.reason})"))


def _check_part(found: Found, response: requests.Response, start: int, end: int | None) -> None:
    status = response.status_code
    if status in BUSY:
        raise Cut(f"the server is busy ({status} {response.reason})", wait=_retry_after(response))
    if status in {412, 416}:
        raise Changed
    _refuse(response)
    same = _same_version(found, response)
    if not same:
        raise Changed
    if status == 206:  # noqa: PLR2004 - partial content
        expected = f"bytes {start}-"
        if not response.headers.get("Content-Range", "").startswith(expected):
            raise NoRanges
    elif start or (end is not None and end != found.size):
        raise NoRanges
    elif found.size is not None and int(response.headers.get("Content-Length", found.size)) != found.size:
        raise Changed


def _same_version(found: Found, response: requests.Response) -> bool:
    etag = response.headers.get("ETag")
    return not (found.etag and etag) or found.etag == etag


def _retry_after(response: requests.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return min(float(value), LONGEST_WAIT) if value.isdigit() else 0.0


def _found(uri: Uri, response: requests.Response) -> Found:
    headers = response.headers
    length = headers.get("Content-Length", "")
    size = int(length) if length.isdigit() and int(length) > 0 else None  # some servers answer 0 to every HEAD
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    version = etag or modified
    return Found(
        uri=uri.text,
        key=uri.key,
        size=size,
        version=f"{version} {size}" if version else None,
        etag=etag,
        modified=modified,
        given=disposition_name(headers.get("Content-Disposition")),
        ranges=headers.get("Accept-Ranges", "").lower() == "bytes",
    )


def disposition_name(header: str | None) -> str | None:
    """The bare file name in a Content-Disposition, None when there is none."""
    if not header:
        return None
    message = Message()
    message["Content-Disposition"] = _as_utf8(header)
    name = message.get_filename()
    return re.split(r"[/\\]", name)[-1] or None if name else None


def _as_utf8(header: str) -> str:
    """Header bytes come as Latin-1; servers that write names as they are mean UTF-8."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


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
