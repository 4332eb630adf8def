"""A project's executions in a few queries: what tells one that changed, and what made each. For tables of thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.records.database import placeholders, statement
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from localhai.records.access import RecordAccess
    from localhai.records.database import Transaction

_STATE = " || ".join(
    f"' ' || COALESCE(CAST({name} AS TEXT), '-')"
    for name in ("exit_code", "title", "started", "finished", "stop_requested", "length(document)")
)
_FACTS = statement("SELECT id, status ||", _STATE, "AS mark FROM executions WHERE project_id = :id ORDER BY id")
_TAGS = (
    "SELECT t.execution_id, t.tag FROM execution_tags t JOIN executions e ON e.id = t.execution_id"
    " WHERE e.project_id = :id ORDER BY t.execution_id, t.position"
)
_OUTPUTS = "SELECT execution_id, count(*) AS number FROM data WHERE project_id = :id GROUP BY execution_id"
_TASKS = (
    "SELECT c.execution_id, t.counter AS number FROM task_children c JOIN tasks t ON t.id = c.task_id"
    " WHERE t.project_id = :id"
)
_PIPELINES = (
    "SELECT n.execution_id, p.counter AS number FROM pipeline_nodes n JOIN pipelines p ON p.id = n.pipeline_id"
    " WHERE p.project_id = :id AND n.execution_id IS NOT NULL"
)


class Marks(Struct, frozen=True):
    """By the id of an execution: a text that is another when it changed, and how many outputs it has.

    `tasks` and `pipelines` are the counters of what made it. Those that have none of these are not among them.
    """

    texts: dict[str, str]
    outputs: dict[str, int]
    tasks: dict[str, int]
    pipelines: dict[str, int]


class ProjectCount(Struct, frozen=True):
    """Of a project: its executions, those that have not ended, and when the newest was created."""

    executions: int
    running: int
    last: str | None


class Overview:
    """`records.overview`."""

    def __init__(self, access: RecordAccess) -> None:
        self._access = access

    def marks(self, project_id: str) -> Marks:
        """Of all its executions, oldest first: what was made first has the smallest id."""
        return self._access.read(lambda transaction: _marks(transaction, {"id": project_id}))

    def node_of(self, execution_id: str) -> dict[str, Any] | None:
        """`{id, counter, name, node}` of the pipeline that made it; None for one that no pipeline made."""
        sql = (
            "SELECT p.id, p.counter, p.name, n.name AS node FROM pipeline_nodes n"
            " JOIN pipelines p ON p.id = n.pipeline_id WHERE n.execution_id = :id"
        )
        found = self._access.read(lambda transaction: transaction.rows(sql, {"id": execution_id}))
        return found[0] if found else None

    def counts(self) -> dict[str, ProjectCount]:
        """By the project's id; one without executions is not among them."""
        listed, parameters = placeholders(sorted(str(status) for status in INCOMPLETE))
        running = statement("sum(CASE WHEN status IN", listed, "THEN 1 ELSE 0 END)")
        sql = statement(
            "SELECT project_id, count(*) AS number,", running, "AS running, max(created) AS last FROM executions",
            "GROUP BY project_id",
        )  # fmt: skip
        rows = self._access.read(lambda transaction: transaction.rows(sql, parameters))
        return {row["project_id"]: ProjectCount(int(row["number"]), int(row["running"]), row["last"]) for row in rows}


def _marks(transaction: Transaction, key: dict[str, Any]) -> Marks:
    texts: dict[str, str] = {row["id"]: row["mark"] for row in transaction.rows(_FACTS, key)}
    for row in transaction.rows(_TAGS, key):
        texts[row["execution_id"]] += f" #{row['tag']}"
    outputs, tasks, pipelines = (
        {row["execution_id"]: int(row["number"]) for row in transaction.rows(sql, key)}
        for sql in (_OUTPUTS, _TASKS, _PIPELINES)
    )
    for numbers in (outputs, tasks, pipelines):
        for of, number in numbers.items():
            if of in texts:  # outputs stay when their execution is deleted
                texts[of] += f" {number}"
    return Marks(texts, outputs, tasks, pipelines)
