"""After a crash: tasks whose localhai died are closed, and say how they go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.executions.run.group import remove_left
from localhai.executions.run.owner import is_gone
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.executions.home import Home
    from localhai.records.tasks import TaskRecord

_DIED = "the localhai that ran it died"


def left(home: Home) -> list[TaskRecord]:
    """Open tasks that nobody works on. Costs one query when there is none."""
    return [
        record for record in home.records.tasks.list_open() if is_gone(home, record.owner, record.created, record.id)
    ]


def close_left(home: Home, record: TaskRecord, say: Callable[[str], None]) -> None:
    """Close one of them that no server goes on with."""
    if not home.records.tasks.close_left(record.id, record.owner, error=_DIED):
        return  # another localhai was quicker
    say(f"task #{record.counter} was left by a localhai that died: localhai task resume {record.counter}")
    _remove_shared(home, record)


def _remove_shared(home: Home, record: TaskRecord) -> None:
    """What members of a distributed task share goes with the last of them: here, when none is in progress."""
    counts = home.records.tasks.counts(record.id)
    if record.type == "distributed" and not any(counts.get(status) for status in INCOMPLETE):
        remove_left(home, record.id)
