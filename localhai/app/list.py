"""Lists of what ran, newest first, by what people ask for; and of what is in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from msgspec import Struct

from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from localhai.executions.home import Home
    from localhai.records import ExecutionRecord
    from localhai.records.pipelines import Pipeline
    from localhai.records.tasks import TaskRecord

INCOMPLETE_WORD = "incomplete"  # of people and clients, for every status that is not final


class _Record(Protocol):
    @property
    def document(self) -> Mapping[str, Any]: ...


Found = TypeVar("Found", bound=_Record)


class ListRequest(Struct, frozen=True):
    """At most `count`, of one project or of all, and of one `user` (by name) or of anybody."""

    project_id: str | None
    count: int
    user: str | None = None


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
