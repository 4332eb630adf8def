"""Lists: one page of many rows, in the platform's envelope (wire.md 1.5)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Annotated, Any

from fastapi import Depends, Request
from msgspec import Struct

from localhai.app.list import meant

DEFAULT_LIMIT = 1000  # clients that name no limit want everything they see
LARGEST_LIMIT = 10_000  # clients ask for up to this many and never follow `next`
_LARGEST_OFFSET = 2**53


class Page(Struct, frozen=True):
    """`limit` rows from `offset`. `url` is the request's, for `next` and `previous`, which are absolute."""

    limit: int
    offset: int
    url: Any

    def envelope(self, rows: Sequence[Any], count: int) -> dict[str, Any]:
        """`{count, next, previous, results}` of rows that are this page already; `count` is that of all pages."""
        after, before = self.offset + self.limit, max(0, self.offset - self.limit)
        return {
            "count": count,
            "next": self._at(after) if after < count else None,
            "previous": self._at(before) if self.offset else None,
            "results": list(rows),
        }

    def cut(self, rows: Sequence[Any], shape: Callable[[Any], Any]) -> dict[str, Any]:
        """The envelope of this page of all `rows`; only those on it are shaped."""
        return self.envelope([shape(row) for row in rows[self.offset : self.offset + self.limit]], len(rows))

    def _at(self, offset: int) -> str:
        return str(self.url.include_query_params(limit=self.limit, offset=offset))


async def _page(request: Request, limit: str | None = None, offset: str | None = None) -> Page:
    wanted = _number(limit, DEFAULT_LIMIT) or DEFAULT_LIMIT
    return Page(min(wanted, LARGEST_LIMIT), min(_number(offset, 0), _LARGEST_OFFSET), request.url)


def _number(text: str | None, default: int) -> int:
    """As Django REST framework reads it: what is no number counts as not given."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else default  # noqa: PLR2004  # digits of 2**64


OnePage = Annotated[Page, Depends(_page)]


def truth(text: str | None) -> bool | None:
    """`true`, `True`, `1`...: clients write both; None where nothing or nonsense is given."""
    return {"true": True, "1": True, "false": False, "0": False}.get((text or "").lower())


def ordered(rows: Iterable[Any], ordering: str | None, keys: dict[str, Callable[[Any], Any]]) -> list[Any]:
    """Rows by `ordering`, `-` in front for descending; an unknown name leaves them as they are."""
    wanted = (ordering or "").strip()
    key = keys.get(wanted.lstrip("-"))
    return sorted(rows, key=key, reverse=wanted.startswith("-")) if key else list(rows)


def selected(
    rows: Iterable[Any],
    *,
    status: Collection[str] | None,
    counter: Collection[str] | None,
    deleted: str | None,
    status_of: Callable[[Any], str],
    incomplete: Collection[str],
) -> list[Any]:
    """Rows with one of these statuses and counters; `incomplete` are the statuses that the word of that name means.

    Deleted ones are gone for good, so of those there are none.
    """
    if truth(deleted) is True:
        return []
    found = list(rows)
    if status:
        wanted = meant(status, incomplete)
        found = [row for row in found if status_of(row) in wanted]
    if counter:
        found = [row for row in found if str(row.counter) in counter]
    return found
