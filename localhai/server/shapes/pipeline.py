"""Pipelines (wire.md 2.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.server.pipelines import node_id
from localhai.vocabulary import WAITING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.records.pipeline_rows import Pipeline, PipelineNode

STATUSES = {WAITING: "started"}  # clients know no status of that name


def listed(row: Pipeline, *, base: str) -> dict[str, Any]:
    """A pipeline as lists show it."""
    url = f"{base}/api/v0/pipelines/{row.id}/"
    return {
        "id": row.id,
        "counter": row.counter,
        "status": STATUSES.get(row.status, row.status),
        "title": row.title or row.name,
        "project": {"id": row.project_id, "name": row.project},
        "creator": {"id": None, "username": row.document.get("user") or ""},
        "tags": list(row.document.get("tags", ())),
        "ctime": row.created,
        "mtime": row.finished or row.started or row.created,
        "duration": row.duration,
        "deleted": False,
        "url": url,
        "urls": {"display": f"{base}/p/{row.project_id}/pipeline/{row.id}/", "stop": f"{url}stop/"},
    }


def details(row: Pipeline, executions: Mapping[str, Mapping[str, Any]], *, base: str) -> dict[str, Any]:
    """One pipeline; `executions` are those of its nodes in their shape, by id."""
    edges = row.document.get("plan", {}).get("edges", ())
    return {
        **listed(row, base=base),
        "nodes": [_node(row, node, executions) for node in row.nodes],
        "edges": [
            {
                **edge,
                "id": f"{row.id}:{number}",
                "pipeline": row.id,
                "source_node": node_id(row.id, edge["source_node"]),
                "target_node": node_id(row.id, edge["target_node"]),
            }
            for number, edge in enumerate(edges)
        ],
        "log": [{"ctime": row.finished, "kind": "error", "identifier": "error", "message": row.document["error"]}]
        if row.document.get("error")
        else [],
    }


def _node(row: Pipeline, node: PipelineNode, executions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    reason = node.document.get("reason")
    return {
        "id": node_id(row.id, node.name),
        "name": node.name,
        "type": node.type,
        "status": STATUSES.get(node.status, node.status),
        "execution": executions.get(node.execution["id"]) if node.execution else None,
        "task": dict(node.task) if node.task else None,
        "log": [{"ctime": row.created, "kind": "status", "identifier": "reason", "message": reason}] if reason else [],
    }
