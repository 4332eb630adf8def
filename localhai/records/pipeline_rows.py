"""Rows of pipelines: from columns to what they mean, and from what a person types to a row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.errors import UsageError
from localhai.records import finding, owners
from localhai.records.data_rows import parts
from localhai.records.database import columns_of, placeholders, statement
from localhai.records.times import duration

if TYPE_CHECKING:
    from localhai.records.database import Row, Transaction
    from localhai.records.rows import Owner


class PipelineNode(Struct, frozen=True):
    """One node. `execution` and `task` are {id, counter, status}; counter and status None when it was deleted.

    `document` holds `reason`, why it has its status, `executions`, the ids of all its attempts, and `deployment`, what
    a deployment node made.
    """

    name: str
    type: str
    status: str
    execution: Mapping[str, Any] | None = None
    task: Mapping[str, Any] | None = None
    approved: str | None = None
    document: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """docs/json.md's node: `name, type, status, execution | task`, and `reason`."""
        values: dict[str, Any] = {"name": self.name, "type": self.type, "status": self.status}
        if self.type == "execution":
            values["execution"] = None if self.execution is None else dict(self.execution)
        elif self.type == "task":
            values["task"] = None if self.task is None else dict(self.task)
        else:
            values["deployment"] = self.document.get("deployment")
        return {**values, "reason": self.document.get("reason")}


class Pipeline(Struct, frozen=True):
    """One row of pipelines with its nodes, in the order of valohai.yaml.

    `status` is created, started, waiting-approval, stopping, complete, error, stopped or crashed. `document` holds
    `plan`, `tags` and `error`: JSON values, no secrets.
    """

    id: str
    project_id: str
    project: str
    counter: int
    status: str
    name: str
    title: str | None
    commit: str | None
    created: str
    started: str | None = None
    finished: str | None = None
    owner: Owner | None = None
    stop_requested: str | None = None
    document: Mapping[str, Any] = field(default_factory=dict)
    nodes: tuple[PipelineNode, ...] = ()

    @property
    def duration(self) -> float | None:
        """Seconds from `started` to `finished`; None until it has finished."""
        return duration(self.document, self.started, self.finished)

    def node(self, name: str) -> PipelineNode | None:
        """By name, None when there is none."""
        return next((node for node in self.nodes if node.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """docs/json.md's pipeline. Times are ISO-8601 UTC with `Z`, `duration` is in seconds."""
        plan = self.document.get("plan", {})
        return {
            "id": self.id,
            "counter": self.counter,
            "status": self.status,
            "name": self.name,
            "project": self.project,
            "commit": self.commit,
            "title": self.title,
            "tags": list(self.document.get("tags", ())),
            "parameters": dict(plan.get("parameters", {})),
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": list(plan.get("edges", ())),
            "created": self.created,
            "started": self.started,
            "finished": self.finished,
            "duration": self.duration,
            "parity": list(plan.get("parity", ())),
            "error": self.document.get("error"),
        }


_JOINED = frozenset({"project", "owner", "nodes"})  # fields that are no columns of the table
_COLUMNS = (*(name for name in Pipeline.__struct_fields__ if name not in _JOINED), *owners.COLUMNS)
_PIPELINES = statement(
    "SELECT", columns_of("l", _COLUMNS), ", p.name AS project FROM pipelines l JOIN projects p ON p.id = l.project_id"
)
_NODES = statement(
    "SELECT",
    columns_of("n", ("pipeline_id", "name", "type", "status", "execution_id", "task_id", "approved", "document")),
    ", e.counter AS execution_counter, e.status AS execution_status,",
    "t.counter AS task_counter, t.status AS task_status FROM pipeline_nodes n",
    "LEFT JOIN executions e ON e.id = n.execution_id LEFT JOIN tasks t ON t.id = n.task_id",
)


def select(transaction: Transaction, tail: str, parameters: Mapping[str, Any], *, nodes: bool = True) -> list[Pipeline]:
    """Pipelines with their project's name and nodes. `tail` is what follows FROM."""
    found = transaction.rows(statement(_PIPELINES, tail), parameters)
    of_all = _nodes(transaction, [row["id"] for row in found]) if nodes else {}
    return [_pipeline(row, of_all.get(row["id"], ())) for row in found]


def one(transaction: Transaction, pipeline_id: str, *, nodes: bool = True) -> Pipeline:
    """By its full id. Raises UsageError."""
    found = select(transaction, "WHERE l.id = :id", {"id": pipeline_id}, nodes=nodes)
    if not found:
        raise UsageError(f"there is no pipeline {pipeline_id}", where=pipeline_id)
    return found[0]


def find(transaction: Transaction, ref: str, project_id: str | None) -> Pipeline:
    """By `5`, `#5`, `=5`, `latest`, id or unambiguous beginning of one. Raises UsageError, with candidates."""
    return finding.find(transaction, ref, project_id, noun="pipeline", table="l", select=select)


def _nodes(transaction: Transaction, ids: Sequence[str]) -> dict[str, list[PipelineNode]]:
    found: dict[str, list[PipelineNode]] = {}
    for part in parts(ids):
        listed, parameters = placeholders(part)
        sql = statement(_NODES, "WHERE n.pipeline_id IN", listed, "ORDER BY n.pipeline_id, n.position")
        for row in transaction.rows(sql, parameters):
            found.setdefault(row["pipeline_id"], []).append(_node(row))
    return found


def _node(row: Row) -> PipelineNode:
    made = {
        noun: None
        if row[f"{noun}_id"] is None
        else {"id": row[f"{noun}_id"], "counter": row[f"{noun}_counter"], "status": row[f"{noun}_status"]}
        for noun in ("execution", "task")
    }
    return PipelineNode(
        name=row["name"],
        type=row["type"],
        status=row["status"],
        execution=made["execution"],
        task=made["task"],
        approved=row["approved"],
        document=json.loads(row["document"]),
    )


def _pipeline(row: Row, nodes: Sequence[PipelineNode]) -> Pipeline:
    owner = owners.take(row)
    row["document"] = json.loads(row["document"])
    return Pipeline(**row, owner=owner, nodes=tuple(nodes))
