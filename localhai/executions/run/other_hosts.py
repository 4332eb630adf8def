"""Executions of a machine that fell silent, closed by another one: their files are where they were, out of reach."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from localhai.containers import reap
from localhai.errors import LocalhaiError, TransitionError
from localhai.executions.run.owner import has_files, is_here, timeout_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.executions.home import Home
    from localhai.records import ExecutionRecord


def is_out_of_reach(home: Home, record: ExecutionRecord) -> bool:
    """Whether log and outputs of an execution can only be in another home. Without a folder there are none yet."""
    if record.folder:
        return not has_files(home, record)
    return record.owner is not None and not is_here(record.owner)


def close_from_afar(home: Home, record: ExecutionRecord, say: Callable[[str], None]) -> None:
    """Close it as `crashed` (`stopped`, if that was asked for). Its machine is noted, to clean up when it is back.

    Should its localhai live after all, it hears of this when it asks the records, and keeps nothing.
    """
    assert record.owner is not None  # noqa: S101  # what has no owner is not left
    host = record.owner.host
    home.records.processes.give_up(record.owner)
    if not home.records.executions.adopt(record.id, record.owner, home.own(at_once=True)):
        return  # another localhai was quicker
    timeout = f"{timeout_of(home, record.owner):g} s"
    error = f"nothing was heard of its localhai on {host} for {timeout}; what it wrote stayed there"
    status = "stopped" if record.status == "stopping" else "crashed"
    try:
        home.records.executions.transition(record.id, status, by="recovery", error=error)
    except TransitionError:  # a wish to stop came in the same moment
        home.records.executions.transition(record.id, "stopped", by="recovery", error=error)
    with suppress(LocalhaiError):  # several homes may share an engine; where they do not, there is nothing to find
        reap.remove(home.engine, reap.of_execution(home.engine, record.id))
    say(
        f"Execution #{record.counter} ({record.step}, project {record.project}) is closed as {status}: "
        f"nothing was heard of {host} for {timeout}"
    )
