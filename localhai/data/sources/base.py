"""What every kind of source offers, and the few ways in which it can fail.

These exceptions stay in this room: `inputs` makes one InputNotFound of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from localhai.data.uri import Uri


class Found(Struct, frozen=True):
    """One file at a source.

    `version` changes when the content does (from ETag, Last-Modified or a file's state); None when the source does not
    say. `etag` and `modified` are what a conditional request sends. `given` is the name in a Content-Disposition.
    `ranges`: parts of it can be asked for.
    """

    uri: str
    key: str
    size: int | None
    version: str | None
    etag: str | None = None
    modified: str | None = None
    given: str | None = None
    ranges: bool = True


class Stream(Protocol):
    """Bytes as they come."""

    def read(self, size: int) -> bytes:
        """At most `size` bytes, b"" at the end. Raises `Cut` when the connection breaks."""

    def close(self) -> None:
        """Give the connection back or drop it. Never raises."""


class Source(Protocol):
    """One kind of place. Every method raises `Unavailable` when it is plain that the file cannot be had."""

    streams: int  # connections that make a large download fast

    def stat(self, uri: Uri) -> Found:
        """The one file that a URI without wildcards names."""

    def list(self, uri: Uri) -> list[Found]:
        """The files that a URI with wildcards matches, sorted by key; may be empty."""

    def open(self, found: Found, start: int = 0, end: int | None = None) -> Stream:
        """Bytes `start` to `end` (exclusive; None is the end of the file).

        Raises `Cut` when it is worth another try, `Changed` when the content is no longer that of `found`, and
        `NoRanges` when only the whole can be had.
        """


class SourceError(Exception):
    """Base of the four below."""


class Unavailable(SourceError):
    """The file cannot be had. `reason` is plain words.

    `unreachable` means that nobody answered at all, `missing` that there is nothing at that place.
    """

    def __init__(self, reason: str, *, unreachable: bool = False, missing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unreachable = unreachable
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
    """The server gives only the whole file."""
