"""The log of an execution: pages of it, a search in it, and the whole (page.md 5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from starlette.responses import Response, StreamingResponse

from localhai.executions.log.index import LOG
from localhai.executions.log.lines import MOST, lines_of
from localhai.executions.log.search import LogSearch, Matches, search
from localhai.records import ExecutionRecord
from localhai.server.addresses import Base, files_of
from localhai.server.api.data import attachment
from localhai.server.page.answers import Answer, Told, router
from localhai.server.page.outputs import SANDBOX
from localhai.server.page.visitors import Visiting, execution_of
from localhai.server.state import Shared, State
from localhai.server.tokens import MINUTE, require_good, signed_url
from localhai.vocabulary import FINAL

routes = router()
LINES = 200  # where the page does not say how many
MATCHES = 1000
_LARGEST = 2**53  # what a browser counts to
_PIECE = 1 << 20


@routes.get("/log/{reference}/")
def page(
    visitor: Visiting,
    state: Shared,
    reference: str,
    project: str | None = None,
    line: str = "1",
    count: str = str(LINES),
) -> Response:
    """Some lines."""
    row = execution_of(state, visitor, reference, project)
    first, number = whole("line", line, least=-_LARGEST), whole("count", count, least=1)
    return Answer(lines(state, row, first, number))


@routes.get("/log/{reference}/search/")
def find(
    visitor: Visiting,
    state: Shared,
    reference: str,
    project: str | None = None,
    q: str = "",
    regex: str = "0",
    case: str = "0",
    after: str = "0",
    count: str = str(MATCHES),
) -> Response:
    """The numbers of the lines that match."""
    row = execution_of(state, visitor, reference, project)
    start, number = whole("after", after), min(whole("count", count, least=1), MATCHES)
    folder = files_of(state, row)
    wanted = LogSearch(q, regex=regex in {"1", "true"}, case=case in {"1", "true"})
    found = Matches.none() if folder is None else search(folder, wanted)
    return Answer(found.after(start, number))


@routes.get("/log/{reference}/text/")
def text(visitor: Visiting, state: Shared, reference: str, project: str | None = None) -> Response:
    """The whole, as a file."""
    return _whole(state, execution_of(state, visitor, reference, project))


@routes.get("/log/{reference}/link/")
def link(visitor: Visiting, state: Shared, reference: str, base: Base, project: str | None = None) -> Response:
    """An address of the whole for a download that the browser makes itself."""
    row = execution_of(state, visitor, reference, project)
    return Answer({"url": signed_url(state, _path(row.id), base, MINUTE)})


@routes.get("/log/{execution_id}/download/")
def download(state: Shared, execution_id: str, expires: str = "", signature: str = "") -> Response:
    """The same for whoever has such an address: that itself is the right to it."""
    require_good(state, _path(execution_id), expires, signature)
    return _whole(state, state.home.records.executions.get(execution_id))


def lines(state: State, row: ExecutionRecord, first: int, number: int) -> dict[str, object]:
    """A page of its log. Raises FilesNotHere."""
    folder, complete = files_of(state, row), row.status in FINAL
    if folder is None:
        return {"from": max(1, first), "lines": [], "total": 0, "complete": complete}
    return lines_of(folder).page(first, min(number, MOST), complete=complete).to_dict()


def whole(name: str, text: str, *, least: int = 0) -> int:
    """A whole number that the page sent. Raises Told."""
    try:
        number = int(text) if text.isascii() and len(text) < len(str(_LARGEST)) + 2 else None
    except ValueError:
        number = None
    if number is None or not least <= number <= _LARGEST:
        at_least = "" if least == -_LARGEST else f", {least} or more"
        raise Told(400, f"{name}: a whole number{at_least} is needed, not {text[:40]!r}.")
    return number


def _path(execution_id: str) -> str:
    return f"/page/log/{execution_id}/download/"


def _whole(state: State, row: ExecutionRecord) -> Response:
    folder = files_of(state, row)
    size = _size(folder / LOG) if folder is not None else 0
    headers = {
        "Content-Disposition": attachment(f"{row.step}-{row.counter}.log"),
        "Content-Length": str(size),
        "Content-Security-Policy": SANDBOX,
        "X-Content-Type-Options": "nosniff",
    }
    pieces = _pieces(folder / LOG, size) if folder is not None else iter(())
    return StreamingResponse(pieces, headers=headers, media_type="text/plain; charset=utf-8")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    """What it had when it was asked for: it may grow meanwhile."""
    if not size:
        return
    with path.open("rb") as file:
        while size and (piece := file.read(min(size, _PIECE))):
            size -= len(piece)
            yield piece
