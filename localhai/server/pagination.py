"""Lists: one page of many rows, in the platform's envelope (wire.md 1.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from msgspec import Struct

from localhai.app.list import PageRequest, ordered
from localhai.records import Project

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

    def shaped(self, found: tuple[Sequence[Any], int], shape: Callable[[Any], Any]) -> dict[str, Any]:
        """The envelope of what `app.list` gave of this page."""
        rows, count = found
        return self.envelope([shape(row) for row in rows], count)

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


class Listing(Struct, frozen=True):
    """What the lists of executions, pipelines and tasks may be asked for."""

    page: Page
    project: str | None
    statuses: Sequence[str]
    counters: Sequence[str]
    deleted: bool
    order: str

    def of(self, projects: Iterable[Project]) -> PageRequest:
        """Of those projects that one may see. Deleted ones are gone for good, so of those there are none."""
        known = [] if self.deleted else [row.id for row in projects]
        return PageRequest(known, self.page.limit, self.page.offset, self.statuses, self.counters, self.order)


async def _listing(
    page: OnePage,
    project: str | None = None,
    status: Annotated[list[str] | None, Query()] = None,
    counter: Annotated[list[str] | None, Query()] = None,
    deleted: str | None = None,
    ordering: str = "-counter",
) -> Listing:
    return Listing(page, project, status or (), counter or (), truth(deleted) is True, ordering)


Listed = Annotated[Listing, Depends(_listing)]


class Sorted(Struct, frozen=True):
    """What lists of data, of versions and of what has them may be asked for."""

    page: Page
    project: str | None
    order: str

    def cut(
        self, rows: Iterable[Any], keys: Mapping[str, Callable[[Any], Any]], shape: Callable[[Any], Any]
    ) -> dict[str, Any]:
        """The page of all `rows` by the field that is asked for; `keys` gives what each field sorts by."""
        return self.page.cut(ordered(rows, self.order, keys), shape)


def _sorted(usual: str) -> Any:
    async def asked(page: OnePage, project: str | None = None, ordering: str = usual) -> Sorted:
        return Sorted(page, project, ordering)

    return Depends(asked)


ByName = Annotated[Sorted, _sorted("name")]
Newest = Annotated[Sorted, _sorted("-ctime")]
