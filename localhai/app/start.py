"""Whatever front ends start: an execution, a pipeline, a task. One request each, and for each two ways to run it.

`run_...` takes it to its end in this thread. `start_...` is a server's: it gives the record as soon as there is one,
and the server goes on with it; when that dies, the next one does. For whom is `options.creator` of the request.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.executions.run.context import Creator
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.observer import Observer
from localhai.executions.run.runner import ExecutionStart, recording
from localhai.executions.run.runner import run as run_execution
from localhai.executions.run.stop import Interruption
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from localhai.app.queue import Queue
    from localhai.executions.run.context import RunOptions
    from localhai.pipelines.running import PipelineObserver, PipelineStart
    from localhai.records import ExecutionRecord
    from localhai.records.pipelines import Pipeline
    from localhai.records.tasks import TaskRecord
    from localhai.tasks.running import TaskObserver
    from localhai.tasks.task import Task, TaskStart

__all__ = [
    "Creator",
    "ExecutionStart",
    "run_execution",
    "run_pipeline",
    "run_task",
    "start_execution",
    "start_pipeline",
    "start_task",
]


def start_execution(start: ExecutionStart, queue: Queue) -> ExecutionRecord:
    """Let it wait for its turn: it is `queued`, of nobody, and in the queue in one moment. Raises SurroundingsError.

    The queue has the whole plan, in which data are named by their ids: that on disk has no secrets, so nothing can be
    run by it.
    """
    from localhai.records.queue import QueueEntry

    records = start.project.home.records
    known_as = records.executions.coming_id()
    # who dies before it waits leaves it as one that runs
    with at_work(known_as), recording(start, Observer(), Interruption(), known_as) as context:
        asked = {"plan": context.plan.to_dict()}
        user_id, priority = _user(start.options), start.priority or 0
        entry = QueueEntry(known_as, context.project.id, user_id, priority, asked)
        context.record = records.queue.let_wait(entry)
    context.capture.leave()
    queue.wake()
    return context.record


def run_pipeline(
    start: PipelineStart, *, observer: PipelineObserver | None = None, interruption: Interruption | None = None
) -> Pipeline:
    """Run it to its end in this thread, with all types of nodes; raises as `pipelines.running.run_pipeline`."""
    from localhai.pipelines import running

    return running.run_pipeline(with_runners(start), observer=observer, interruption=interruption)


def start_pipeline(start: PipelineStart, queue: Queue) -> Pipeline:
    """Run it beside the queue, with as many executions at a time as that has; raises as `run_pipeline`.

    Raises SurroundingsError where it is not recorded in time; it goes on then.
    """
    from localhai.app.background import Background
    from localhai.pipelines.running import PipelineObserver
    from localhai.records.queue import QueueEntry

    class _Told(PipelineObserver):
        def started(self, pipeline: Mapping[str, Any]) -> None:
            work.recorded(str(pipeline["id"]))

    shared = replace(start, jobs=queue.slots.count, slots=queue.slots, images_first=False)  # a pull takes minutes
    plan = json.loads(strict_json.dumps(start.plan.to_dict(), default=str))
    asked = {"plan": plan, "reused": sorted(start.reused)}
    entry = QueueEntry("", start.sources.project.record.id, _user(start.options), 0, asked, kind="pipeline")
    work = Background(queue, entry, partial(run_pipeline, shared, observer=_Told()))
    return queue.home.records.pipelines.get(work.begin())


def run_task(
    start: TaskStart, *, observer: TaskObserver | None = None, interruption: Interruption | None = None
) -> Task:
    """Run it to its end in this thread; raises as `tasks.task.run_task`."""
    from localhai.tasks import task

    return task.run_task(start, observer=observer, interruption=interruption)


def start_task(start: TaskStart, queue: Queue) -> TaskRecord:
    """Run it beside the queue, as `start_pipeline` does a pipeline."""
    from localhai.app.background import Background
    from localhai.records.queue import QueueEntry
    from localhai.tasks.running import TaskObserver

    class _Told(TaskObserver):
        def started(self, task: Mapping[str, Any]) -> None:
            work.recorded(str(task["id"]))

    shared = replace(start, jobs=queue.slots.count, slots=queue.slots)
    entry = QueueEntry("", start.project.record.id, _user(start.options), 0, {}, kind="task")
    work = Background(queue, entry, partial(run_task, shared, observer=_Told()))
    return queue.home.records.tasks.get(work.begin())


def with_runners(start: PipelineStart) -> PipelineStart:
    """With those of all types of nodes."""
    from localhai.app.nodes import further_runners

    return replace(start, runners={**further_runners(), **start.runners})


def _user(options: RunOptions) -> str:
    if options.creator is None:
        raise ValueError("what a server starts is started for one of its users")
    return options.creator.id
