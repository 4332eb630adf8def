"""Pipelines: created, changed, approved, stopped and closed; every change of a status is remembered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localhai.records import owners
from localhai.records import pipeline_rows as rows
from localhai.records.access import NounRecords
from localhai.records.counters import next_counter
from localhai.records.database import Away, placeholders, statement, storable
from localhai.system import strict_json
from localhai.vocabulary import PIPELINE_OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.records.database import Transaction
    from localhai.records.pipeline_rows import Pipeline
    from localhai.records.rows import Owner


class PipelineRecords(NounRecords):
    """The pipelines' part of Records."""

    table = "pipelines"

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
        values = {
            "id": known_as or self.coming_id(),
            "project_id": project_id,
            "status": "created",
            "name": storable(name),
            "title": storable(title),
            "commit": commit,
            "created": self._now(),
            "document": strict_json.dumps(dict(document)),
            **owners.columns(owner),
        }
        names = ", ".join(f'"{column}"' for column in (*values, "counter"))
        marks = ", ".join(f":{column}" for column in (*values, "counter"))
        sql = statement("INSERT INTO pipelines (", names, ") VALUES (", marks, ")")
        of_nodes = [
            {"pipeline_id": values["id"], "name": node, "position": position, "type": kind}
            for position, (node, kind) in enumerate(nodes)
        ]

        def work(transaction: Transaction, again: bool) -> Pipeline:
            if not (again and rows.select(transaction, "WHERE l.id = :id", {"id": values["id"]}, nodes=False)):
                transaction.change(sql, {**values, "counter": next_counter(transaction, project_id, "pipeline")})
                transaction.change_many(
                    "INSERT INTO pipeline_nodes (pipeline_id, name, position, type, status, document)"
                    " VALUES (:pipeline_id, :name, :position, :type, 'created', '{}')",
                    of_nodes,
                )
            return rows.one(transaction, str(values["id"]))

        return self._write(work)

    def get(self, pipeline_id: str) -> Pipeline:
        """By its full id. Raises UsageError when there is none."""
        return self._read(lambda transaction: rows.one(transaction, pipeline_id))

    def find(self, ref: str, project_id: str | None = None) -> Pipeline:
        """By `5`, `#5`, `=5`, `latest`, id or unambiguous prefix of an id. Raises UsageError, with candidates."""
        return self._read(lambda transaction: rows.find(transaction, ref, project_id))

    def list_open(self, *, project_id: str | None = None, host: str | None = None) -> list[Pipeline]:
        """All that have not ended, oldest first: what recovery looks at."""
        listed, parameters = placeholders(PIPELINE_OPEN)
        where = statement("WHERE l.status IN", listed)
        for column, value in (("project_id", project_id), ("owner_host", host)):
            if value is not None:
                where += f" AND l.{column} = :{column}"
                parameters[column] = value
        return self._read(lambda transaction: rows.select(transaction, f"{where} ORDER BY l.id", parameters))

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
            found = rows.one(transaction, pipeline_id, nodes=False)
            if found.status not in PIPELINE_OPEN or (expected_owner is not None and found.owner != expected_owner):
                return again and found.status == status
            if again and found.status == status:
                return True
            values: dict[str, Any] = {"id": pipeline_id, "status": status, "old": found.status}
            values["started"] = found.started or (now if status == "started" else None)
            values["finished"] = None if status in PIPELINE_OPEN else now
            values["document"] = strict_json.dumps(
                {**found.document, **({} if reason is None else {"error": reason}), **took}
            )
            sql = (
                "UPDATE pipelines SET status = :status, started = :started, finished = :finished, document = :document"
                " WHERE id = :id AND status = :old"
            )
            of_owner, expected = owners.condition(expected_owner)
            if not transaction.change(statement(sql, of_owner), {**values, **expected}):
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
            sql = "SELECT document FROM pipeline_nodes WHERE pipeline_id = :id AND name = :name"
            document = json.loads(transaction.rows(sql, key)[0]["document"])
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
            values["document"] = strict_json.dumps(document)
            settings = ", ".join(f"{column} = :{column}" for column in values)
            change = statement("UPDATE pipeline_nodes SET", settings, "WHERE pipeline_id = :id AND name = :name")
            transaction.change(change, {**values, **key})

        self._write(work)

    def approve_node(self, pipeline_id: str, name: str) -> None:
        """A person says that this node may go on; whoever runs the pipeline sees it soon."""
        sql = "UPDATE pipeline_nodes SET approved = :now WHERE pipeline_id = :id AND name = :name"
        values = {"id": pipeline_id, "name": name, "now": self._now()}
        self._write(lambda transaction, _again: transaction.change(sql, values))

    def request_stop(self, pipeline_id: str) -> bool:
        """Ask whoever runs it to stop it; asking twice keeps the first time. False when it has ended already."""
        listed, parameters = placeholders(PIPELINE_OPEN)
        first = "UPDATE pipelines SET stop_requested = COALESCE(stop_requested, :now) WHERE id = :id AND status IN"
        parameters |= {"id": pipeline_id, "now": self._now()}
        sql = statement(first, listed)
        return self._write(lambda transaction, _again: transaction.change(sql, parameters)) > 0

    def wishes(self, pipeline_id: str) -> tuple[bool, frozenset[str]]:
        """Cheap, for polling: whether it is to stop, and the nodes that are approved.

        Nothing while the database cannot be asked: the next look comes soon.
        """
        nodes = "SELECT name FROM pipeline_nodes WHERE pipeline_id = :id AND approved IS NOT NULL"
        key = {"id": pipeline_id}
        try:
            with self._access.database.begin(write=False) as transaction:
                found = transaction.rows("SELECT stop_requested FROM pipelines WHERE id = :id", key)
                approved = transaction.rows(nodes, key)
        except Away:
            return False, frozenset()
        return bool(found) and found[0]["stop_requested"] is not None, frozenset(row["name"] for row in approved)

    def changes(self, pipeline_id: str) -> list[dict[str, Any]]:
        """Every change of status, oldest first: `node` (None: the pipeline), `time`, `status`, `reason`."""
        sql = (
            "SELECT node, time, new_status AS status, reason FROM pipeline_changes WHERE pipeline_id = :id ORDER BY id"
        )
        return self._read(lambda transaction: transaction.rows(sql, {"id": pipeline_id}))

    def list(self, project_id: str | None = None, *, limit: int = 100) -> list[Pipeline]:
        """Newest first, with their nodes."""
        where = "" if project_id is None else "WHERE l.project_id = :project_id"
        parameters: dict[str, Any] = (
            {"limit": limit}
            if project_id is None
            else {
                "limit": limit,
                "project_id": project_id,
            }
        )
        tail = statement(where, "ORDER BY l.id DESC LIMIT :limit")
        return self._read(lambda transaction: rows.select(transaction, tail, parameters))


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
