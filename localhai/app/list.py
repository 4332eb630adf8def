"""Lists of what ran, newest first, by what people ask for; and of what is in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from msgspec import Struct

from localhai.vocabulary import INCOMPLETE, PIPELINE_OPEN, TASK_OPEN, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from localhai.executions.home import Home
    from localhai.records import ExecutionRecord
    from localhai.records.pipelines import Pipeline
    from localhai.records.tasks import TaskRecord

MOST = 10_000  # pipelines and tasks of a project among which a page is looked for
INCOMPLETE_WORD = "incomplete"  # of people and clients, for every status that is not final
_STATUSES = frozenset(map(str, Status))
_DIGITS = 10  # that a counter has at most, and one more
_AGE: Mapping[str, Callable[[Any], Any]] = {"counter": lambda row: row.id, "ctime": lambda row: row.id}


class _Record(Protocol):
    @property
    def document(self) -> Mapping[str, Any]: ...


Found = TypeVar("Found", bound=_Record)


class ListRequest(Struct, frozen=True):
    """At most `count`, of one project or of all, and of one `user` (by name) or of anybody."""

    project_id: str | None
    count: int
    user: str | None = None


class PageRequest(Struct, frozen=True):
    """`limit` rows from `offset` of these projects. Of `statuses` (see `meant`) and of `counters` one is enough.

    A counter is a text: one that is no number names nothing. `order` is a field, `-` in front for descending.
    """

    projects: Sequence[str]
    limit: int
    offset: int = 0
    statuses: Sequence[str] = ()
    counters: Sequence[str] = ()
    order: str = "-counter"


def list_executions(
    home: Home, request: ListRequest, *, statuses: Sequence[str] = (), step: str | None = None, tag: str | None = None
) -> list[ExecutionRecord]:
    """Those that fulfil all conditions; of `statuses` (see `meant`) one is enough."""
    executions, wanted = home.records.executions, meant(statuses, INCOMPLETE) or (None,)
    found: list[ExecutionRecord] = []
    for status in wanted:
        if request.user is None:
            found += executions.list(request.project_id, status=status, step=step, tag=tag, limit=request.count)
        else:
            found += executions.of_user(
                request.user, request.project_id, status=status, step=step, tag=tag, limit=request.count
            )
    found.sort(key=lambda row: row.id, reverse=True)
    return found[: request.count]


def list_pipelines(home: Home, request: ListRequest) -> list[Pipeline]:
    """Runs of pipelines, with their nodes."""
    return _newest(request, lambda limit: home.records.pipelines.list(request.project_id, limit=limit))


def list_tasks(home: Home, request: ListRequest) -> list[TaskRecord]:
    """Tasks, without their executions."""
    return _newest(request, lambda limit: home.records.tasks.list(request.project_id, limit=limit))


def tasks_in_progress(home: Home, project_id: str | None) -> list[TaskRecord]:
    """Of one project, or of all."""
    return [record for record in home.records.tasks.list_open() if project_id in {None, record.project_id}]


def meant(statuses: Iterable[str], incomplete: Collection[str]) -> tuple[str, ...]:
    """Each once; the word `incomplete` stands for those that are not final of the noun."""
    found: list[str] = []
    for status in statuses:
        found.extend(sorted(map(str, incomplete)) if status == INCOMPLETE_WORD else (status,))
    return tuple(dict.fromkeys(found))


def page_executions(
    home: Home, request: PageRequest, *, step: str | None = None, task_id: str | None = None
) -> tuple[list[ExecutionRecord], int]:
    """One page, without outputs, and how many there are on all."""
    statuses = sorted(_STATUSES.intersection(meant(request.statuses, INCOMPLETE)))
    counters = [int(item) for item in request.counters if item.isascii() and item.isdigit() and len(item) < _DIGITS]
    if (request.statuses and not statuses) or (request.counters and not counters):
        return [], 0
    return home.records.executions.page(
        request.projects,
        statuses=statuses,
        counters=counters,
        step=step,
        task_id=task_id,
        newest_first=request.order.startswith("-"),
        limit=request.limit,
        offset=request.offset,
    )


def page_pipelines(home: Home, request: PageRequest) -> tuple[list[Pipeline], int]:
    """One page, and how many there are on all."""
    rows = [row for item in request.projects for row in home.records.pipelines.list(item, limit=MOST)]
    return _page(request, rows, lambda row: row.status, PIPELINE_OPEN, _AGE)


def page_tasks(home: Home, request: PageRequest) -> tuple[list[TaskRecord], int]:
    """One page, and how many there are on all."""
    rows = [row for item in request.projects for row in home.records.tasks.list(item, limit=MOST)]
    return _page(request, rows, task_status, TASK_OPEN, {**_AGE, "status": task_status})


def task_status(row: TaskRecord) -> str:
    """`stopping` from the wish to its end: the records know that as a wish only."""
    return "stopping" if row.status == "started" and row.stop_requested is not None else row.status


def ordered(rows: Iterable[Any], ordering: str | None, keys: Mapping[str, Callable[[Any], Any]]) -> list[Any]:
    """Rows by `ordering`, `-` in front for descending; an unknown name leaves them as they are."""
    wanted = (ordering or "").strip()
    key = keys.get(wanted.lstrip("-"))
    return sorted(rows, key=key, reverse=wanted.startswith("-")) if key else list(rows)


def _page(
    request: PageRequest,
    rows: Iterable[Any],
    status_of: Callable[[Any], str],
    incomplete: Collection[str],
    orders: Mapping[str, Callable[[Any], Any]],
) -> tuple[list[Any], int]:
    statuses = meant(request.statuses, incomplete)
    found = [
        row
        for row in rows
        if (not request.statuses or status_of(row) in statuses)
        and (not request.counters or str(row.counter) in request.counters)
    ]
    return ordered(found, request.order, orders)[request.offset : request.offset + request.limit], len(found)


def _newest(request: ListRequest, newest: Callable[[int], list[Found]]) -> list[Found]:
    """The user's name stands in the document, which databases do not look into: more are asked for until enough are."""
    limit = request.count
    if request.user is None:
        return newest(limit)
    while True:
        found = newest(limit)
        own = [record for record in found if record.document.get("user") == request.user]
        if len(own) >= request.count or len(found) < limit:
            return own[: request.count]
        limit *= 4
