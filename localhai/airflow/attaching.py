"""A task tried again after its worker died: what the earlier try left is watched on or taken, never started twice.

Executions and pipelines that Airflow starts carry a tag that names the task instance. It stays the same over all tries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.app.follow import follow_execution, follow_pipeline, wait_for_end
from localhai.app.stop import stop_execution, stop_pipeline
from localhai.vocabulary import FINAL, INCOMPLETE, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localhai.airflow.claim import Claim
    from localhai.app.open_project import OpenProject
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home
    from localhai.executions.run.stop import Interruption
    from localhai.pipelines.plan import PipelinePlan
    from localhai.pipelines.runners import Kept
    from localhai.pipelines.sources import Sources
    from localhai.project.plan import ExecutionPlan
    from localhai.records.pipelines import Pipeline

    Tell = Callable[[str, Any], None]

HEARD = "airflow_heard"  # a key of the record: Airflow has the XCom, so that clearing the task starts anew
_RECENT = 200  # pipelines among which an earlier try is looked for


def execution_left(
    project: OpenProject, origin: str | None, mine: Claim, plan: ExecutionPlan, tell: Tell
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
    name = f"execution #{execution.counter} of an earlier try"
    if execution.record.status is Status.STOPPING or execution.record.stop_requested is not None:
        tell("line", f"localhai: waiting for {name}, which is stopping")
        wait_for_end(home, execution, _said(tell))
        return None
    running = execution.record.status in INCOMPLETE
    if not running and (not execution.complete or execution.record.document.get(HEARD)):
        return None
    against = mine.against(execution.record.tags) or _another_image(home, execution, plan)
    if against is not None and running:
        tell("line", f"localhai: {name} still runs and is stopped: {against}")
        stop_execution(home, execution.record)
        wait_for_end(home, execution, _said(tell))
    elif against is not None:
        tell("line", f"localhai: {name} is complete, and is not taken: {against}")
    elif running:
        tell("line", f"localhai: {name} still runs; nothing is started twice")
    else:
        tell("line", f"localhai: {name} is complete, and is taken")
    return execution if against is None else None


def _another_image(home: Home, execution: Execution, plan: ExecutionPlan) -> str | None:
    """A name that was pulled or built anew means other bytes."""
    ran = execution.record.document.get("image_digest")
    if not ran:
        return None
    found = home.engine.image(plan.image)
    if found is None or found.digest == ran:
        return None
    return f"{plan.image} is another image now"


def join(home: Home, execution: Execution, tell: Tell, interruption: Interruption) -> str:
    """Tell its log from the first line, until it has ended; gives its id. A wish to stop is handed on."""
    tell("started", execution.to_dict())
    if execution.record.owner is not None and not execution.folder.is_dir():
        tell("line", f"localhai: it runs on {execution.record.owner.host}; its log is there")
    asked = False

    def hand_on() -> None:
        nonlocal asked
        if interruption.asked and not asked:
            asked = stop_execution(home, execution.record) or True

    for event in follow_execution(home, execution, _said(tell), hand_on):
        if event.stream != "status":
            tell("line", event.message)
    return execution.id


def pipeline_left(project: OpenProject, origin: str | None, mine: Claim, tell: Tell) -> Pipeline | None:
    """The pipeline of the last try, if it was torn away in the middle or still runs; stopped unless it is the same."""
    if origin is None:
        return None
    home = project.home
    rows = home.records.pipelines.list(project.record.id, limit=_RECENT)
    found = next((row for row in rows if origin in row.document.get("tags", ())), None)
    if found is None or (found.status != "crashed" and found.status in FINAL):
        return None
    against = mine.against(found.document.get("tags", ()))
    if against is None:
        return found
    name = f"pipeline #{found.counter} of an earlier try"
    if found.status in FINAL:
        tell("line", f"localhai: {name} was torn away; nothing of it is kept: {against}")
        return None
    tell("line", f"localhai: {name} still runs and is stopped: {against}")
    stop_pipeline(home, found.id)
    follow_pipeline(home, found, _said(tell))
    return None


def join_pipeline(home: Home, record: Pipeline, tell: Tell, interruption: Interruption) -> Pipeline:
    """Wait for a pipeline that another process runs. A wish to stop is handed on."""
    tell("line", f"localhai: pipeline #{record.counter} of an earlier try still runs; nothing is started twice")
    tell("started", record.to_dict())
    asked = False

    def hand_on() -> None:
        nonlocal asked
        if interruption.asked and not asked:
            asked = stop_pipeline(home, record.id) or True

    return follow_pipeline(home, record, _said(tell), hand_on)


def kept_of(record: Pipeline, sources: Sources, plan: PipelinePlan, runners: Any, tell: Tell) -> Mapping[str, Kept]:
    """Nodes that the torn pipeline finished, and those that ran on without it, once they have ended."""
    from localhai.pipelines.resuming import keep

    home = sources.project.home
    for node in record.nodes:
        if node.execution is not None and node.execution["status"] is not None:
            wait_for_end(home, home.execution(node.execution["id"]), _said(tell))
    kept = keep(home, home.records.pipelines.get(record.id), plan, runners)
    names = ", ".join(kept) or "nothing"
    tell("line", f"localhai: pipeline #{record.counter} of an earlier try was torn away; kept of it: {names}")
    return kept


def _said(tell: Tell) -> Callable[[str], None]:
    return lambda text: tell("line", f"localhai: {text}")
