"""Tasks (wire.md 2.10, 3.9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter
from valohai_yaml.objs import Step

from localhai.app.list import page_tasks, task_status
from localhai.app.start import Creator, start_task
from localhai.app.stop import stop_task
from localhai.project.overrides import Overrides
from localhai.records import Project
from localhai.records.tasks import TaskRecord
from localhai.records.users import User
from localhai.server.addresses import Base, referenced
from localhai.server.api.executions import execution_shape
from localhai.server.api.tasks_body import TaskBody
from localhai.server.auth import require_own
from localhai.server.bodies import reading
from localhai.server.code import open_commit
from localhai.server.errors import field
from localhai.server.pagination import Listed, OnePage
from localhai.server.state import Shared, State
from localhai.server.tokens import Asking
from localhai.system import strict_json
from localhai.tasks.plan import TaskPlan
from localhai.tasks.task import TaskStart
from localhai.vocabulary import Status

router = APIRouter(prefix="/tasks", tags=["tasks"])
_COUNTED = (*map(str, Status), "stopping_hard")


@router.get("/")
def tasks(asking: Asking, state: Shared, asked: Listed, base: Base) -> dict[str, Any]:
    """Tasks of one project or of all."""
    request = asked.of(state.projects_of(asking, asked.project))
    return asked.page.shaped(page_tasks(state.home, request), lambda row: _listed(state, asking, row, base))


@router.post("/", status_code=201)
def create(asking: Asking, state: Shared, body: Annotated[TaskBody, reading(TaskBody)], base: Base) -> dict[str, Any]:
    """Start a task. It runs beside the queue, with as many executions at a time as the queue has."""
    project = state.project_of(asking, body.project)
    return _details(state, asking, _started(state, asking, project, body), base)


@router.get("/{reference}/")
def task(asking: Asking, state: Shared, reference: str, base: Base) -> dict[str, Any]:
    """One task, by id, `{project}:{counter}` or `{project}:latest`."""
    return _details(state, asking, _task(state, asking, reference), base)


@router.post("/{reference}/stop/")
def stop(asking: Asking, state: Shared, reference: str) -> dict[str, Any]:
    """Ask it to stop, with all its running executions."""
    row = _task(state, asking, reference)
    if not stop_task(state.home, row.id):
        return {"message": f"Task !{row.counter} is {row.status} already"}
    return {"message": "OK"}


@router.get("/{reference}/executions/")
def executions(asking: Asking, state: Shared, page: OnePage, reference: str, base: Base) -> dict[str, Any]:
    """Its executions in their order, each with its parameters and its latest metadata."""
    row = _task(state, asking, reference)
    children = [item for _number, item in state.home.records.tasks.children(row.id)]

    def shape(item: Any) -> dict[str, Any]:
        shown = execution_shape(item, base=base)
        parameters, metadata = item.document.get("parameters") or {}, item.document.get("metadata") or {}
        return {
            **shown,
            "task": row.id,
            "task_counter": row.counter,
            "parameters": dict(parameters),
            "cumulative_metadata": {name: value for name, value in metadata.items() if name != "_time"},
        }

    return page.cut(children, shape)


@router.get("/{reference}/execution_ids/")
def execution_ids(asking: Asking, state: Shared, reference: str) -> list[str]:
    """The ids of its executions, without an envelope."""
    row = _task(state, asking, reference)
    return [item.id for _number, item in state.home.records.tasks.children(row.id)]


def _started(state: State, user: User, project: Project, body: TaskBody) -> TaskRecord:
    """Start a task. Raises Refused, ProjectError, UsageError for what is wrong with the request."""
    commit = open_commit(state, project, body.commit or None)
    config = commit.config
    step = config.config.steps.get(body.step)
    if step is None:
        raise field("step", f"The commit's valohai.yaml has no step {body.step}.", "does_not_exist")
    plan = body.plan(step)
    overrides = body.changes(body.single(set(plan.names)))
    require_own(state, user, project, _uris(step, overrides))
    options = commit.options(Creator(user.id, user.name))
    return start_task(TaskStart(commit.source, plan, config, commit.code, overrides, options), state.queue)


def _uris(step: Step, overrides: Overrides) -> Iterator[str]:
    """All that the step's inputs may name."""
    for uris in (*overrides.inputs.values(), *(item.default for item in step.inputs.values())):
        yield from [uris] if isinstance(uris, str) else uris or ()


def _task(state: State, user: User, reference: str) -> TaskRecord:
    records = state.home.records
    return referenced(state, user, reference, records.tasks.get, records.tasks.find)


def _listed(state: State, creator: User, row: TaskRecord, base: str) -> dict[str, Any]:
    """A task as lists show it."""
    plan, counts = strict_json.convert(row.document["plan"], TaskPlan), state.home.records.tasks.counts(row.id)
    url = f"{base}/api/v0/tasks/{row.id}/"
    overrides = row.document.get("overrides", {})
    commit = row.commit or ""
    made = sum(counts.values())
    return {
        "id": row.id,
        "counter": row.counter,
        "status": task_status(row),
        "title": row.name,
        "type": row.type,
        "step": row.step,
        "project": row.project_id,
        "commit": {"identifier": commit, "adhoc": commit.startswith("~")},
        "configuration": _configuration(plan),
        "status_summary": {"count": made, **{f"{name}_count": counts.get(name, 0) for name in _COUNTED}},
        "n_children": plan.count,
        "n_executions": made,
        "tags": list(overrides.get("tags", ())),
        "creator_id": creator.id,
        "creator_name": creator.name,
        "ctime": row.created,
        "mtime": row.finished or row.created,
        "duration": row.duration,
        "deleted": False,
        "url": url,
        "urls": {
            "display": f"{base}/p/{row.project_id}/task/{row.id}/",
            "stop": f"{url}stop/",
            "executions": f"{url}executions/",
            "copy": f"{base}/p/{row.project_id}/task/create/?from={row.id}",
        },
    }


def _details(state: State, creator: User, row: TaskRecord, base: str) -> dict[str, Any]:
    """One task with what its executions share and what varies."""
    plan = strict_json.convert(row.document["plan"], TaskPlan)
    overrides = row.document.get("overrides", {})
    single = {name: _variant("single", value=value) for name, value in overrides.get("parameters", {}).items()}
    return {
        **_listed(state, creator, row, base),
        "parameters": {**single, **_varying(plan)},
        "parameter_sets": [dict(entry) for entry in plan.sets],
        "inputs": dict(overrides.get("inputs", {})),
        "image": overrides.get("image"),
        "maximum_queued_executions": plan.maximum_queued_executions,
        "on_child_error": plan.on_child_error.replace("-", "_"),
        "task_stop_expression": plan.stop_condition or "",
        "allow_reuse": plan.reuse_children,
        "status_detail": row.document.get("error") or "",
    }


def _configuration(plan: TaskPlan) -> dict[str, Any]:
    found: dict[str, Any] = {"execution_count": plan.count}
    if plan.type == "bayesian_tpe":
        found["execution_batch_size"] = plan.batch_size
    if plan.target is not None:
        found["optimization_target_metric"] = plan.target.metric
        found["optimization_target_value"] = plan.target.value
    if plan.engine is not None:
        found["engine"] = plan.engine
    return found


def _varying(plan: TaskPlan) -> dict[str, Any]:
    if plan.sets:
        return {
            name: _variant("multiple", items=[entry[name] for entry in plan.sets if name in entry])
            for name in plan.names
        }
    return {item.name: {"style": item.style, "rules": dict(item.rules)} for item in plan.variants}


def _variant(style: str, **rules: Any) -> dict[str, Any]:
    return {"style": style, "rules": rules}
