"""What every kind of source offers, and the few ways in which it can fail.

These exceptions stay in this room: `inputs` makes one InputNotFound of them.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from localhai.system.retry import Trouble

if TYPE_CHECKING:
    from localhai.data.uri import Uri


GZIP = frozenset({"gzip", "x-gzip"})  # of Content-Encoding


class SourceFile(Struct, frozen=True):
    """One file at a source.

    `version` changes when the content does (from ETag, Last-Modified or a file's state); None when the source does not
    say. `etag` and `modified` are what a conditional request sends. `given` is the name in a Content-Disposition.
    `ranges`: parts of it can be asked for. `encoding`: what the server puts around the bytes although it was asked not
    to; gzip is taken off again.
    """

    uri: str
    key: str
    size: int | None
    version: str | None
    etag: str | None = None
    modified: str | None = None
    given: str | None = None
    ranges: bool = True
    encoding: str | None = None

    def of_date(self) -> SourceFile:
        """The same for a server whose ETag is another one at each request: told by date and size, in one stream."""
        version = f"{self.modified} {self.size}" if self.modified else None
        return replace(self, version=version, etag=None, ranges=False)

    def is_version(self, version: str | None) -> bool:
        """Whether that is what is here now."""
        return version is not None and version in {self.version, self.of_date().version}


class Stream(Protocol):
    """Bytes as they come."""

    def read(self, size: int) -> bytes:
        """At most `size` bytes, b"" at the end. Raises `Cut` when the connection breaks."""

    def close(self) -> None:
        """Give the connection back or drop it. Never raises."""


class Source(Protocol):
    """One kind of place. Every method raises `Unavailable` when it is plain that the file cannot be had."""

    streams: int  # connections that make a large download fast

    def stat(self, uri: Uri) -> SourceFile:
        """The one file that a URI without wildcards names."""

    def list(self, uri: Uri) -> list[SourceFile]:
        """The files that a URI with wildcards matches, sorted by key; may be empty."""

    def open(self, found: SourceFile, start: int = 0, end: int | None = None) -> Stream:
        """Bytes `start` to `end` (exclusive; None is the end of the file).

        Raises `Cut` when it is worth another try, `Changed` when the content is no longer that of `found`, and
        `NoRanges` when only the whole can be had.
        """


class SourceError(Exception):
    """Base of the four below. `reason` is plain words."""

    reason: str = "it changed meanwhile"


class Unavailable(SourceError):
    """The file cannot be had.

    `unreachable` means that nobody answered at all, which may pass unless it is `lasting`; `missing` that there is
    nothing at that place.
    """

    def __init__(self, reason: str, *, unreachable: bool = False, lasting: bool = False, missing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unreachable = unreachable
        self.lasting = lasting
        self.missing = missing


class Cut(SourceError):
    """The connection broke or the server is busy: worth another try, after `wait` seconds if it asked for that."""

    def __init__(self, reason: str, *, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


class Changed(SourceError):
    """The content changed since it was looked at."""


class NoRanges(SourceError):
    """The server gives only the whole file; `encoding` as in `SourceFile`."""

    def __init__(self, encoding: str | None = None) -> None:
        super().__init__()
        self.encoding = encoding


def trouble(error: Exception) -> Trouble | None:
    """What may pass when it is tried again; see `retry.call`."""
    if isinstance(error, Cut):
        return Trouble(error.reason, error.wait)
    if isinstance(error, Unavailable) and error.unreachable and not error.lasting:
        return Trouble(error.reason)
    return None


def gave_up(_error: Exception, seen: Trouble, tries: int, kept: str = "") -> Unavailable:
    """What is said after the last try. `kept`: what is not lost by it."""
    asks = f"; it asks to wait {seen.asked:.0f} s" if seen.asked else ""
    often = f" (tried {tries} times{kept})" if tries > 1 else ""
    return Unavailable(f"{seen.reason}{asks}{often}", unreachable=True, lasting=True)


def innermost(error: BaseException) -> BaseException | None:
    """The operating system's own error, out of the layers that clients put around it; None when there is none."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen
        given = getattr(seen, "kwargs", {}).get("error")  # botocore's
        nested = [
            item for item in (getattr(seen, "reason", None), given, *seen.args) if isinstance(item, BaseException)
        ]
        seen = nested[0] if nested else seen.__cause__ or seen.__context__
    return None


def is_unknown_name(error: BaseException) -> bool:
    """Whether there is no host of that name: nobody is going to answer."""
    inner = innermost(error)
    return isinstance(inner, socket.gaierror) and inner.errno == socket.EAI_NONAME
