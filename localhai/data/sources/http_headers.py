"""What headers of HTTP say about a file: its name, its version, how its bytes are encoded. Pure."""

from __future__ import annotations

import re
import zlib
from email.message import Message
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from localhai.data.sources.base import GZIP, Cut

if TYPE_CHECKING:
    from localhai.data.sources.base import Stream

_COMPRESSED_NAMES = (".gz", ".tgz", ".gzip", ".svgz")
# filename*=UTF-8''na%C3%AFve.csv (RFC 5987); some servers put quotes around it
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*\"?(?P<charset>[\w.:-]+)'[^']*'(?P<value>[^;\"\s]+)", re.IGNORECASE)
_PIECE = 64 << 10


def disposition_name(header: str | None) -> str | None:
    """The bare file name in a Content-Disposition, None when there is none. `filename*` counts before `filename`."""
    if not header:
        return None
    name = _extended_name(header) or _plain_name(header)
    return re.split(r"[/\\]", name)[-1] or None if name else None


def _extended_name(header: str) -> str | None:
    found = _EXTENDED.search(f";{header}")
    if found is None:
        return None
    try:
        return unquote_to_bytes(found["value"]).decode(found["charset"])
    except (LookupError, UnicodeError):  # RFC 6266: what cannot be read is ignored
        return None


def _plain_name(header: str) -> str | None:
    message = Message()
    message["Content-Disposition"] = _as_utf8(_EXTENDED.sub("", header))
    return message.get_filename()


def _as_utf8(header: str) -> str:
    """Header bytes come as Latin-1; servers that write names as they are mean UTF-8."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


def is_weak(etag: str | None) -> bool:
    """Whether an ETag promises a like content only, not the same bytes."""
    return etag is not None and etag.startswith("W/")


def content_encoding(header: str | None, name: str) -> str | None:
    """What is around the bytes of a file, although it was asked for as it is; None when nothing is.

    Old servers call a file `data.csv.gz` itself encoded: its bytes are what somebody wants who asks for that name.
    """
    encoding = (header or "").strip().lower()
    if encoding in {"", "identity"} or (encoding in GZIP and name.lower().endswith(_COMPRESSED_NAMES)):
        return None
    return encoding


class Gunzipped:
    """A stream without the gzip around it."""

    def __init__(self, inner: Stream) -> None:
        self._inner = inner
        self._decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._rest = b""

    def read(self, size: int) -> bytes:
        """At most `size` bytes, b"" at the end. Raises `Cut` when it ends too early or is no gzip."""
        while True:
            if not self._rest:
                self._rest = self._inner.read(_PIECE)
                if not self._rest:
                    return self._at_end()
            if self._decoder.eof:  # one member may follow another
                self._decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
            try:
                block = self._decoder.decompress(self._rest, size)
            except zlib.error as error:
                raise Cut(f"the server says that it is gzip, and it cannot be decoded: {error}") from error
            self._rest = self._decoder.unconsumed_tail or self._decoder.unused_data
            if block:
                return block

    def close(self) -> None:
        """Close the inner one."""
        self._inner.close()

    def _at_end(self) -> bytes:
        block = self._decoder.flush()
        if block:
            return block
        if not self._decoder.eof:
            raise Cut("it ended in the middle of its gzip")
        return b""
