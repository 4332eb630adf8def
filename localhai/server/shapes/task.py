"""Tasks (wire.md 2.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.vocabulary import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.records.server import User
    from localhai.records.task_rows import TaskRecord
    from localhai.tasks.plan import TaskPlan

_COUNTED = (*map(str, Status), "stopping_hard")


def status(row: TaskRecord) -> str:
    """`stopping` from the wish to its end: the records know that as a wish only."""
    return "stopping" if row.status == "started" and row.stop_requested is not None else row.status


def listed(row: TaskRecord, plan: TaskPlan, counts: Mapping[str, int], *, creator: User, base: str) -> dict[str, Any]:
    """A task as lists show it; `counts` are its executions by status."""
    url = f"{base}/api/v0/tasks/{row.id}/"
    overrides = row.document.get("overrides", {})
    commit = row.commit or ""
    made = sum(counts.values())
    return {
        "id": row.id,
        "counter": row.counter,
        "status": status(row),
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


def details(shown: Mapping[str, Any], row: TaskRecord, plan: TaskPlan) -> dict[str, Any]:
    """One task with what its executions share and what varies."""
    overrides = row.document.get("overrides", {})
    single = {name: _variant("single", value=value) for name, value in overrides.get("parameters", {}).items()}
    return {
        **shown,
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
