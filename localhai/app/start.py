"""An execution that somebody asks for: recorded with whoever asked, waiting for its turn, run when that has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.executions.log.capture import Capture
from localhai.executions.run import secrets
from localhai.executions.run.context import Creator, RunContext, RunOptions
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.observer import Observer
from localhai.executions.run.runner import begin, live, masker_of
from localhai.executions.run.stop import Interruption
from localhai.records.queue import QueueEntry

if TYPE_CHECKING:
    from localhai.executions.home import Home
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot
    from localhai.records import ExecutionRecord, Project
    from localhai.settings import Settings


class StartRequest(Struct, frozen=True):
    """One execution: what runs, with which code, and how. A higher `priority` comes first."""

    project: Project
    plan: ExecutionPlan
    snapshot: Snapshot
    settings: Settings
    options: RunOptions
    creator: Creator
    priority: int = 0


def enqueue(home: Home, request: StartRequest) -> ExecutionRecord:
    """Record it; it is `queued`, of nobody, and in the queue in one moment. Raises SurroundingsError.

    The queue has the whole plan, in which data are named by their ids: that on disk has no secrets, so nothing can be
    run by it.
    """

    def let_wait(context: RunContext) -> ExecutionRecord:
        record, asked = context.record, {"plan": context.plan.to_dict()}
        entry = QueueEntry(record.id, record.project_id, request.creator.id, request.priority, asked)
        return home.records.queue.let_wait(entry)

    known_as = home.records.executions.coming_id()
    with at_work(known_as):  # who dies before it waits leaves it as one that runs
        context = begin(
            home,
            request.project,
            request.plan,
            request.snapshot,
            settings=request.settings,
            options=request.options,
            observer=Observer(),
            interruption=Interruption(),
            known_as=known_as,
            creator=request.creator,
            priority=request.priority,
            queued=let_wait,
        )
    context.capture.leave()
    return context.record


def run_taken(
    home: Home, request: StartRequest, record: ExecutionRecord, *, interruption: Interruption
) -> ExecutionRecord:
    """Run what was taken out of the queue to its end; gives it in its final state.

    What kept it from starting is in its record.
    """
    folder, masker = home.folder / record.folder, masker_of(request.plan, request.options, request.settings)
    secrets.keep(folder, masker)  # they may have changed while it waited
    stop_condition = request.plan.limits.stop_condition
    context = RunContext(
        home=home,
        settings=request.settings,
        project=request.project,
        record=record,
        plan=request.plan,
        folder=folder,
        capture=Capture(folder, observer=Observer(), masker=masker, stop_condition=stop_condition, adopt=True),
        snapshot=request.snapshot,
        options=request.options,
        interruption=interruption,
        masker=masker,
    )
    live(context)
    return context.record
