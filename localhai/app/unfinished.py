"""Pipelines and tasks that a localhai left open when it died: closed where no server goes on with them.

Their executions must have been looked after before: those that still run are watched to their ends, and count when one
goes on with the whole. Each says how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from localhai.executions.run.group import remove_left
from localhai.executions.run.owner import is_gone
from localhai.pipelines.rules import node_status
from localhai.records.pipelines import Pipeline
from localhai.records.tasks import TaskRecord
from localhai.vocabulary import INCOMPLETE, NODE_OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from localhai.executions.home import Home
    from localhai.records.pipelines import PipelineNode

_DIED = "localhai died"
_TASK_DIED = "the localhai that ran it died"
Found = TypeVar("Found", Pipeline, TaskRecord)


def left(home: Home, open_ones: Iterable[Found]) -> list[Found]:
    """Those that nobody works on."""
    return [item for item in open_ones if is_gone(home, item.owner, item.created, item.id)]


def close_pipeline(home: Home, record: Pipeline, say: Callable[[str], None]) -> None:
    """Close one, with its open nodes."""
    if not home.records.pipelines.change(record.id, "crashed", reason=_DIED, expected_owner=record.owner):
        return  # another localhai was quicker
    running = [node.name for node in record.nodes if node.status == "started"]
    for node in record.nodes:
        if node.status in NODE_OPEN:
            _close_node(home, record, node)
    during = f" while {', '.join(running)} ran" if running else ""
    say(
        f"pipeline #{record.counter} ({record.name}, project {record.project}) was left by a localhai that died"
        f"{during}; go on with: localhai pipeline rerun {record.counter} --from-failed"
    )


def _close_node(home: Home, record: Pipeline, node: PipelineNode) -> None:
    status = None if node.execution is None else node.execution["status"]
    ended, reason = "stopped", _DIED
    if node.execution is not None and status is not None:
        if status in INCOMPLETE:
            reason = f"{_DIED}; execution #{node.execution['counter']} went on"
        else:
            ended, reason = node_status(status), f"{_DIED} before it saw the end"
    home.records.pipelines.change_node(record.id, node.name, status=ended, reason=reason)


def close_task(home: Home, record: TaskRecord, say: Callable[[str], None]) -> None:
    """Close one. What members of a distributed task share goes with the last of them: here, when none is left."""
    if not home.records.tasks.close_left(record.id, record.owner, error=_TASK_DIED):
        return  # another localhai was quicker
    say(f"task #{record.counter} was left by a localhai that died: localhai task resume {record.counter}")
    counts = home.records.tasks.counts(record.id)
    if record.type == "distributed" and not any(counts.get(status) for status in INCOMPLETE):
        remove_left(home, record.id)
