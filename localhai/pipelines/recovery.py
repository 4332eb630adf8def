"""After a crash: pipelines whose localhai died are closed, and say how they go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.executions.run.owner import is_gone
from localhai.pipelines.rules import node_status
from localhai.vocabulary import INCOMPLETE, NODE_OPEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.executions.home import Home
    from localhai.records.pipelines import Pipeline, PipelineNode

_DIED = "localhai died"


def left(home: Home) -> list[Pipeline]:
    """Open pipelines that nobody works on. Costs one query when there is none."""
    return [item for item in home.records.pipelines.list_open() if is_gone(home, item.owner, item.created, item.id)]


def close_left(home: Home, record: Pipeline, say: Callable[[str], None]) -> None:
    """Close one of them that no server goes on with.

    Its executions must have been looked after before: those that still run are watched to their ends, and count when
    the pipeline is resumed.
    """
    if not home.records.pipelines.change(record.id, "crashed", reason=_DIED, expected_owner=record.owner):
        return  # another localhai was quicker
    running = [node.name for node in record.nodes if node.status == "started"]
    for node in record.nodes:
        if node.status in NODE_OPEN:
            _close(home, record, node)
    during = f" while {', '.join(running)} ran" if running else ""
    say(
        f"pipeline #{record.counter} ({record.name}, project {record.project}) was left by a localhai that died"
        f"{during}; go on with: localhai pipeline rerun {record.counter} --from-failed"
    )


def _close(home: Home, record: Pipeline, node: PipelineNode) -> None:
    status = None if node.execution is None else node.execution["status"]
    ended, reason = "stopped", _DIED
    if node.execution is not None and status is not None:
        if status in INCOMPLETE:
            reason = f"{_DIED}; execution #{node.execution['counter']} went on"
        else:
            ended, reason = node_status(status), f"{_DIED} before it saw the end"
    home.records.pipelines.change_node(record.id, node.name, status=ended, reason=reason)
