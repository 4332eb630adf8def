"""JSON with a list of any length, written as the list is read: memory holds few of its items."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

AT_ONCE = 500


def array(items: Iterable[Any]) -> StreamingResponse:
    """The items alone."""
    return StreamingResponse(pieces(items), media_type="application/json")


def counted(facts: Mapping[str, Any], name: str, items: Iterable[Any]) -> StreamingResponse:
    """An object of facts, the items under a name, and their `total`."""
    return StreamingResponse(_object(facts, name, items), media_type="application/json")


def pieces(items: Iterable[Any], count: list[int] | None = None) -> Iterator[str]:
    """An array in pieces; how many items it has is added to `count`."""
    coming, before = iter(items), "["
    while some := list(islice(coming, AT_ONCE)):
        yield before + ",".join(map(strict_json.dumps, some))
        before = ","
        if count is not None:
            count[0] += len(some)
    yield "]" if before == "," else "[]"


def _object(facts: Mapping[str, Any], name: str, items: Iterable[Any]) -> Iterator[str]:
    count = [0]
    yield f"{strict_json.dumps(dict(facts))[:-1]},{strict_json.dumps(name)}:"
    yield from pieces(items, count)
    yield f',"total":{count[0]}}}'
