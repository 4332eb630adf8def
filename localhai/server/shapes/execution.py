"""Executions (wire.md 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.server.routes.environments import LOCAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.project.plan import ExecutionPlan
    from localhai.records import ExecutionRecord


def listed(row: ExecutionRecord, *, base: str) -> dict[str, Any]:
    """An execution as lists show it: small, and without a look at its files."""
    document = row.document
    url = f"{base}/api/v0/executions/{row.id}/"
    commit = row.commit or ""
    return {
        "id": row.id,
        "counter": row.counter,
        "status": str(row.status),
        "step": row.step,
        "title": row.title,
        "image": row.image,
        "project": {"id": row.project_id, "name": row.project},
        "environment": {
            "id": LOCAL["id"],
            "name": row.environment or LOCAL["name"],
            "slug": row.environment or "local",
        },
        "commit": {"identifier": commit, "adhoc": commit.startswith("~"), "ref": document.get("branch") or "adhoc"},
        "duration": row.duration,
        "ctime": row.created,
        "mtime": row.finished or row.started or row.queued or row.created,
        "end_time": row.finished,
        "tags": list(row.tags),
        "creator_id": document.get("creator_id"),
        "creator_name": document.get("user"),
        "priority": document.get("priority", 0),
        "exit_code": row.exit_code,
        "status_detail": document.get("status_detail") or document.get("error") or "",
        "deleted": False,
        "url": url,
        "urls": {
            "display": f"{base}/p/{row.project_id}/execution/{row.id}/",
            "stop": f"{url}stop/",
            "copy": f"{base}/p/{row.project_id}/execution/create/?from={row.id}",
        },
    }


def details(
    shown: Mapping[str, Any],
    row: ExecutionRecord,
    *,
    plan: ExecutionPlan | None,
    outputs: Sequence[Mapping[str, Any]],
    metadata: Mapping[str, Any],
    without: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """One execution. `plan` is the one on disk, in which secrets are masked; None when its folder is gone.

    `without` names what the client does not want, of which only `outputs` is left out: `vh execution summarize`
    excludes the metadata that it shows.
    """
    document = row.document
    found = {
        **shown,
        "inputs": [{"name": item.name, "urls": list(item.uris)} for item in plan.inputs] if plan else [],
        "parameters": dict(document.get("parameters", {})),
        "command": "\n".join(document.get("command") or []),
        "interpolated_command": "\n".join(document.get("command") or []),
        "environment_variables": {
            name: {"value": value, "secret": value is None} for name, value in row.environment_variables.items()
        },
        "outputs": list(outputs),
        "n_outputs": len(outputs),
        "cumulative_metadata": dict(metadata),
    }
    if "outputs" in without:
        del found["outputs"]
    return found
