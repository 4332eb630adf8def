"""A task tried again after its worker died: what the earlier try left here is watched on or taken, never started twice.

Executions and pipelines that Airflow starts carry a tag that names the task instance. It stays the same over all tries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.app.follow import follow_execution, follow_pipeline, wait_for_end
from localhai.app.servers import address_of
from localhai.app.stop import stop_execution, stop_pipeline
from localhai.vocabulary import FINAL, INCOMPLETE, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localhai.airflow.platform import Watcher
    from localhai.airflow.tries import Claim
    from localhai.app.open_project import OpenProject
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home
    from localhai.executions.run.stop import Interruption
    from localhai.pipelines.runners import Kept
    from localhai.pipelines.running import PipelineStart
    from localhai.project.plan import ExecutionPlan
    from localhai.records.pipelines import Pipeline

HEARD = "airflow_heard"  # a key of the record: Airflow has the XCom, so that clearing the task starts anew
_RECENT = 200  # pipelines among which an earlier try is looked for


def execution_left(
    project: OpenProject, origin: str | None, mine: Claim, plan: ExecutionPlan, watcher: Watcher
) -> Execution | None:
    """What the last try started and Airflow never heard the end of: running, or complete. Waits for one that stops.

    Only what this try would start is taken; what still runs and is not that is stopped.
    """
    if origin is None:
        return None
    home = project.home
    rows = home.records.executions.list(project.record.id, tag=origin, limit=1)
    if not rows:
        return None
    execution = home.execution(rows[0].id)
    record, name = execution.record, f"execution #{execution.counter}"
    if record.status is Status.STOPPING or record.stop_requested is not None:
        watcher.say(f"waiting for {name} of an earlier try, which is stopping")
        wait_for_end(home, execution, watcher.say)
        return None
    running = record.status in INCOMPLETE
    if not running and (not execution.complete or record.document.get(HEARD)):
        return None
    image = _another_image(home, execution, plan)
    if running:
        taken = mine.takes(name, record.tags, watcher, lambda: stop_execution(home, record), image)
        if not taken:
            wait_for_end(home, execution, watcher.say)
        return execution if taken else None
    against = mine.against(record.tags) or image
    became = "taken" if against is None else f"not taken: {against}"
    watcher.say(f"{name} of an earlier try is complete, and is {became}")
    return execution if against is None else None


def _another_image(home: Home, execution: Execution, plan: ExecutionPlan) -> str | None:
    """A name that was pulled or built anew means other bytes."""
    ran = execution.record.document.get("image_digest")
    found = home.engine.image(plan.image) if ran else None
    return None if found is None or found.digest == ran else f"{plan.image} is another image now"


def join(home: Home, execution: Execution, watcher: Watcher, interruption: Interruption) -> Execution:
    """Tell its log from the first line, until it has ended. A wish to stop is handed on."""
    watcher.started(execution.id, address_of(home, execution.id))
    if execution.record.owner is not None and not execution.folder.is_dir():
        watcher.say(f"it runs on {execution.record.owner.host}; its log is there")
    hand_on = _handing_on(interruption, lambda: stop_execution(home, execution.record))
    for event in follow_execution(home, execution, watcher.say, hand_on):
        if event.stream != "status":
            watcher.line(event.message)
    return execution


def pipeline_left(project: OpenProject, origin: str | None, mine: Claim, watcher: Watcher) -> Pipeline | None:
    """The pipeline of the last try, if it was torn away in the middle or still runs; stopped unless it is the same."""
    if origin is None:
        return None
    home = project.home
    rows = home.records.pipelines.list(project.record.id, limit=_RECENT)
    found = next((row for row in rows if origin in row.document.get("tags", ())), None)
    if found is None or (found.status != "crashed" and found.status in FINAL):
        return None
    name, tags = f"pipeline #{found.counter}", found.document.get("tags", ())
    if found.status not in FINAL:
        if mine.takes(name, tags, watcher, lambda: stop_pipeline(home, found.id)):
            return found
        follow_pipeline(home, found, watcher.say)
    elif against := mine.against(tags):
        watcher.say(f"{name} of an earlier try was torn away; nothing of it is kept: {against}")
    else:
        return found
    return None


def join_pipeline(home: Home, record: Pipeline, watcher: Watcher, interruption: Interruption) -> Pipeline:
    """Wait for a pipeline that another process runs. A wish to stop is handed on."""
    watcher.started(record.id, None)
    return follow_pipeline(home, record, watcher.say, _handing_on(interruption, lambda: stop_pipeline(home, record.id)))


def _handing_on(interruption: Interruption, stop: Callable[[], Any]) -> Callable[[], None]:
    """To be called at each look: stops once, when that is asked for."""
    asked = False

    def look() -> None:
        nonlocal asked
        if interruption.asked and not asked:
            asked = True
            stop()

    return look


def kept_of(record: Pipeline, start: PipelineStart, watcher: Watcher) -> Mapping[str, Kept]:
    """Nodes that the torn pipeline finished, and those that ran on without it, once they have ended."""
    from localhai.pipelines.resuming import keep
    from localhai.pipelines.running import all_runners

    home = start.sources.project.home
    for node in record.nodes:
        if node.execution is not None and node.execution["status"] is not None:
            wait_for_end(home, home.execution(node.execution["id"]), watcher.say)
    kept = keep(home, home.records.pipelines.get(record.id), start.plan, all_runners(start.runners))
    watcher.say(
        f"pipeline #{record.counter} of an earlier try was torn away; kept of it: {', '.join(kept) or 'nothing'}"
    )
    return kept
