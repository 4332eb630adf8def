"""Pipelines: created, changed, approved, stopped and closed; every change of a status is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.records import owners
from localhai.records.access import CountedRecords
from localhai.records.database import Away, statement, storable
from localhai.records.mapper import Table
from localhai.records.times import duration
from localhai.vocabulary import PIPELINE_OPEN

if TYPE_CHECKING:
    from localhai.records.database import Transaction
    from localhai.records.owners import Owner


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


def _node(**row: Any) -> PipelineNode:
    for noun in ("execution", "task"):
        made = {fact: row.pop(f"{noun}_{fact}") for fact in ("id", "counter", "status")}
        row[noun] = None if made["id"] is None else made
    return PipelineNode(**row)


NODES = Table(
    PipelineNode,
    "pipeline_nodes",
    "n",
    documents=("document",),
    joined={
        "execution_id": "n.execution_id",
        "execution_counter": "e.counter",
        "execution_status": "e.status",
        "task_id": "n.task_id",
        "task_counter": "t.counter",
        "task_status": "t.status",
    },
    join="LEFT JOIN executions e ON e.id = n.execution_id LEFT JOIN tasks t ON t.id = n.task_id",
    filled=("execution", "task"),
    make=_node,
)


def _fill(transaction: Transaction, ids: Sequence[str], whole: bool) -> dict[str, dict[str, list[PipelineNode]]]:
    return {"nodes": NODES.grouped(transaction, "pipeline_id", ids, "n.pipeline_id, n.position") if whole else {}}


PIPELINES = Table.of_project(
    Pipeline,
    "pipelines",
    "l",
    noun="pipeline",
    texts=("name", "title"),
    filled=("nodes",),
    fill=_fill,
)


class PipelineRecords(CountedRecords[Pipeline]):
    """`records.pipelines`."""

    table, open, start = PIPELINES, PIPELINE_OPEN, "start one: localhai pipeline run NAME"

    def create(
        self,
        project_id: str,
        *,
        name: str,
        nodes: Sequence[tuple[str, str]],
        commit: str | None,
        document: Mapping[str, Any],
        owner: Owner | None,
        title: str | None = None,
        known_as: str | None = None,
    ) -> Pipeline:
        """A new pipeline, `created`, with its id and the project's next counter of pipelines.

        `nodes` are (name, type) in their order. `document` holds JSON values and no secrets: masking is the caller's.
        `known_as` is its id, if it has one yet.
        """
        key = known_as or self.coming_id()
        values = {
            "id": key,
            "project_id": project_id,
            "status": "created",
            "name": name,
            "title": title,
            "commit": commit,
            "created": self._now(),
            "document": dict(document),
            "owner": owner,
        }
        of_nodes = [
            {"pipeline_id": key, "name": node, "position": position, "type": kind, "status": "created", "document": {}}
            for position, (node, kind) in enumerate(nodes)
        ]
        return self._create(values, lambda transaction: NODES.insert_many(transaction, of_nodes))

    def change(
        self,
        pipeline_id: str,
        status: str,
        *,
        reason: str | None = None,
        expected_owner: Owner | None = None,
        duration: float | None = None,
    ) -> bool:
        """Give an open pipeline this status, and the time that belongs to it. `reason` is kept as its error.

        `duration`, in seconds, is how long it took where that was measured.

        False, and nothing changes, when it has ended already or is not `expected_owner`'s any more.
        """
        now = self._now()
        took = {} if duration is None else {"duration": duration}

        def work(transaction: Transaction, again: bool) -> bool:
            found = PIPELINES.one(transaction, pipeline_id, whole=False)
            if found.status not in PIPELINE_OPEN or (expected_owner is not None and found.owner != expected_owner):
                return again and found.status == status
            if again and found.status == status:
                return True
            values = {
                "status": status,
                "started": found.started or (now if status == "started" else None),
                "finished": None if status in PIPELINE_OPEN else now,
                "document": {**found.document, **({} if reason is None else {"error": reason}), **took},
            }
            of_owner, expected = owners.condition(expected_owner)
            where = statement("id = :id AND status = :old", of_owner)
            if not PIPELINES.update(transaction, values, where, id=pipeline_id, old=found.status, **expected):
                raise Away("another process changed the pipeline in the same moment")
            _note(transaction, pipeline_id, None, now, status, reason)
            return True

        return self._write(work)

    def change_node(
        self,
        pipeline_id: str,
        name: str,
        *,
        status: str | None = None,
        reason: str | None = None,
        execution_id: str | None = None,
        task_id: str | None = None,
        deployment: Mapping[str, Any] | None = None,
    ) -> None:
        """Remember what is given of a node, in one transaction; a status with its time and reason.

        `deployment` is the JSON shape of what a deployment node made.
        """
        now = self._now()

        def work(transaction: Transaction, again: bool) -> None:
            key = {"id": pipeline_id, "name": name}
            (node,) = NODES.select(transaction, "WHERE n.pipeline_id = :id AND n.name = :name", key)
            document = dict(node.document)
            values: dict[str, Any] = {"execution_id": execution_id, "task_id": task_id, "status": status}
            values = {column: value for column, value in values.items() if value is not None}
            if status is not None:
                document["reason"] = storable(reason)
            if status is not None and not (again and _is_noted(transaction, pipeline_id, name, now, status)):
                _note(transaction, pipeline_id, name, now, status, reason)
            if execution_id is not None:
                document["executions"] = list(dict.fromkeys((*document.get("executions", ()), execution_id)))
            if deployment is not None:
                document["deployment"] = dict(deployment)
            values["document"] = document
            NODES.update(transaction, values, "pipeline_id = :id AND name = :name", **key)

        self._write(work)

    def approve_node(self, pipeline_id: str, name: str) -> None:
        """A person says that this node may go on; whoever runs the pipeline sees it soon."""
        key, now = {"id": pipeline_id, "name": name}, self._now()
        where = "pipeline_id = :id AND name = :name"
        self._write(lambda transaction, _again: NODES.update(transaction, {"approved": now}, where, **key))

    def wishes(self, pipeline_id: str) -> tuple[bool, frozenset[str]]:
        """Cheap, for polling: whether it is to stop, and the nodes that are approved.

        Nothing while the database cannot be asked: the next look comes soon.
        """
        nodes = "SELECT name FROM pipeline_nodes WHERE pipeline_id = :id AND approved IS NOT NULL"
        key = {"id": pipeline_id}

        def work(transaction: Transaction) -> tuple[bool, frozenset[str]]:
            found = transaction.rows("SELECT stop_requested FROM pipelines WHERE id = :id", key)
            approved = frozenset(row["name"] for row in transaction.rows(nodes, key))
            return bool(found) and found[0]["stop_requested"] is not None, approved

        return self._access.glance(work) or (False, frozenset())

    def changes(self, pipeline_id: str) -> list[dict[str, Any]]:
        """Every change of status, oldest first: `node` (None: the pipeline), `time`, `status`, `reason`."""
        sql = (
            "SELECT node, time, new_status AS status, reason FROM pipeline_changes WHERE pipeline_id = :id ORDER BY id"
        )
        return self._read(lambda transaction: transaction.rows(sql, {"id": pipeline_id}))


def _note(
    transaction: Transaction, pipeline_id: str, node: str | None, time: str, status: str, reason: str | None
) -> None:
    transaction.change(
        "INSERT INTO pipeline_changes (pipeline_id, node, time, new_status, reason)"
        " VALUES (:pipeline_id, :node, :time, :status, :reason)",
        {"pipeline_id": pipeline_id, "node": node, "time": time, "status": status, "reason": storable(reason)},
    )


def _is_noted(transaction: Transaction, pipeline_id: str, node: str, time: str, status: str) -> bool:
    sql = (
        "SELECT id FROM pipeline_changes"
        " WHERE pipeline_id = :pipeline_id AND node = :node AND time = :time AND new_status = :status"
    )
    key = {"pipeline_id": pipeline_id, "node": node, "time": time, "status": status}
    return bool(transaction.rows(sql, key))
