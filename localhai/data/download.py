"""One download. A cut connection goes on where it stopped; a content that changed starts over."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.data import segments as parts
from localhai.data.sources.base import GZIP, Changed, NoRanges, Unavailable, gave_up, trouble
from localhai.data.transfer import Transfer
from localhai.data.uri import last_segment, parse
from localhai.errors import DiskFull
from localhai.system.retry import Waiter, call

if TYPE_CHECKING:
    from localhai.data.files import Checksums
    from localhai.data.sources.base import Source, SourceFile
    from localhai.data.transfer import DownloadObserver
    from localhai.system.retry import Retry

STARTS = 4  # whole downloads, when the content changes or cannot be resumed


def resumable(found: SourceFile, part: Path, state: Path) -> int:
    """How many bytes of this version are here from an earlier try."""
    known = parts.load(state, found, part)
    return parts.arrived(known) if known else 0


def download(
    source: Source, found: SourceFile, part: Path, state: Path, watch: DownloadObserver, retry: Retry
) -> tuple[SourceFile, Checksums]:
    """Fill `part` with the whole of `found`; gives the version that it holds then.

    Raises Unavailable when it cannot be had, DiskFull (nothing is left behind then) and Interrupted (what is here is
    kept for the next try, as it is when the connection stays broken).
    """
    _say_encoding(found, watch)
    for _start in range(STARTS):
        try:
            return Transfer(source, found, part, state, watch, retry).run()
        except DiskFull:
            discard(part, state)
            raise
        except Changed:
            found = _look_again(source, found, watch, retry)
        except NoRanges as error:
            found = _whole(found, error.encoding, watch)
        discard(part, state)
    raise Unavailable("it changes or breaks off again and again while it is downloaded")


def _look_again(source: Source, found: SourceFile, watch: DownloadObserver, retry: Retry) -> SourceFile:
    """What is there now. Where nothing but the ETag is another, it says nothing: some servers make one up each time.

    Not so of object stores: theirs belongs to the content.
    """
    uri = parse(found.uri)
    now = call(
        partial(source.stat, uri),
        trouble,
        policy=retry,
        waiter=Waiter(watch.waiting, watch.cancelled),
        gave_up=gave_up,
        aside=f"{last_segment(uri.key)} was looked at",
    )
    may_be_made_up = uri.scheme in {"http", "https"} and (now.size, now.modified) == (found.size, found.modified)
    return now.of_date() if may_be_made_up else now


def _whole(found: SourceFile, encoding: str | None, watch: DownloadObserver) -> SourceFile:
    """The same, to be had as a whole only. The size of what is encoded says nothing about the file."""
    if encoding is None:
        return replace(found, ranges=False)
    whole = replace(found, ranges=False, encoding=encoding, size=None if encoding in GZIP else found.size)
    _say_encoding(whole, watch)
    return whole


def _say_encoding(found: SourceFile, watch: DownloadObserver) -> None:
    if found.encoding is not None:
        done = "it is decoded" if found.encoding in GZIP else "it is kept as it comes"
        watch.waiting(f"the server sends it with Content-Encoding: {found.encoding}, although asked not to: {done}")


def discard(part: Path, state: Path) -> None:
    """Forget what is here of a download."""
    for path in (state, part):
        with suppress(FileNotFoundError):
            path.unlink()
