"""Executions that wait for their turn: recorded as `queued` by one who runs many, taken up later, perhaps by another.

Nobody owns a waiting execution; who becomes its owner (one of several wins) runs it, or closes it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from localhai.errors import LocalhaiError
from localhai.executions.log.capture import Capture
from localhai.executions.log.log import LogWriter
from localhai.executions.run import finalize, kept_secrets
from localhai.executions.run.context import RunContext
from localhai.executions.run.interruption import Interruption
from localhai.executions.run.observer import Observer
from localhai.executions.run.runner import begin, live, masker_of
from localhai.executions.run.secrets import Masker

if TYPE_CHECKING:
    from localhai.executions.home import Home
    from localhai.executions.run.context import RunOptions
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot
    from localhai.records import ExecutionRecord, Project
    from localhai.settings import Settings


def enlist(
    home: Home, project: Project, plan: ExecutionPlan, snapshot: Snapshot, *, settings: Settings, options: RunOptions
) -> tuple[ExecutionRecord, ExecutionPlan]:
    """Record an execution that waits, and give it with its plan, in which data are named by their ids.

    Keep the plan: that on disk has no secrets, so it cannot be run by. Raises SurroundingsError.
    """
    context = begin(
        home,
        project,
        plan,
        snapshot,
        settings=settings,
        options=options,
        observer=Observer(),
        interruption=Interruption(),
        waits=True,
    )
    context.capture.leave()
    return context.record, context.plan


def take(home: Home, execution_id: str) -> bool:
    """Become the owner of an execution that waits. False: somebody else was quicker, or it has ended."""
    return home.records.adopt(execution_id, None, home.own(at_once=True))


def give_back(home: Home, record: ExecutionRecord) -> bool:
    """Let an execution wait again whose command a server, dying, had not begun. False: it never waited for one."""
    from localhai.records.server import ServerRecords

    if (
        record.status not in {"queued", "started"}
        or ServerRecords.beside(home.records).waiting_entry(record.id) is None
    ):
        return False
    return home.records.adopt(record.id, record.owner, None)


def run(
    home: Home,
    project: Project,
    record: ExecutionRecord,
    plan: ExecutionPlan,
    snapshot: Snapshot,
    *,
    settings: Settings,
    options: RunOptions,
    interruption: Interruption,
) -> ExecutionRecord:
    """Run what was taken to its end; gives it in its final state. What kept it from starting is in its record."""
    folder, masker = home.folder / record.folder, masker_of(plan, options, settings)
    kept_secrets.keep(folder, masker)  # they may have changed while it waited
    stop_condition = plan.limits.stop_condition
    context = RunContext(
        home=home,
        settings=settings,
        project=project,
        record=record,
        plan=plan,
        folder=folder,
        capture=Capture(folder, observer=Observer(), masker=masker, stop_condition=stop_condition, adopt=True),
        snapshot=snapshot,
        options=options,
        interruption=interruption,
        masker=masker,
    )
    live(context)
    return context.record


def close(home: Home, record: ExecutionRecord, status: str, error: str) -> ExecutionRecord:
    """End what was taken without running it: `stopped`, or `error` when it cannot be run any more.

    One that ran, and could not be recorded as ended, ends as it did.
    """
    folder = home.folder / record.folder
    end = finalize.read_end(folder)
    if end is not None:
        return finalize.record_end(home, record, end)
    (folder / finalize.RESERVE).unlink(missing_ok=True)
    error = (kept_secrets.kept(folder) or Masker(())).mask_text(error)
    kept_secrets.forget(folder)
    with suppress(LocalhaiError, OSError):  # its folder may be gone
        log = LogWriter(folder)
        log.write("status", f"Execution #{record.counter} is {status}: {error}\n".encode(), time.time())
        log.close()
    if status == "stopped":
        home.records.transition(record.id, "stopping", by="localhai")
    return home.records.transition(record.id, status, by="localhai", error=error)
