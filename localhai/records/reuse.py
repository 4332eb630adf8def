"""Keys of executions: by them an execution finds earlier ones that equal it, or the nearest that does not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.records.access import NounRecords
from localhai.records.database import statement, storable
from localhai.records.executions import EXECUTIONS
from localhai.system import strict_json

if TYPE_CHECKING:
    from localhai.records.database import Transaction
    from localhai.records.executions import ExecutionRecord

Parts = dict[str, dict[str, str]]
FileStates = dict[str, list[int]]


class Keyed(Struct, frozen=True):
    """An execution with its parts (digests by part and name) and the states of its outputs when it ended, by datum."""

    execution: ExecutionRecord
    parts: Parts
    outputs: FileStates


class ReuseRecords(NounRecords):
    """`records.reuse`: what equals what."""

    def remember_key(self, execution_id: str, key: str, parts: Mapping[str, Mapping[str, str]]) -> None:
        """The key of an execution; saying another takes the place of the first."""
        values = {"id": execution_id, "key": key, "parts": strict_json.dumps(parts)}
        sql = (
            "INSERT INTO execution_keys (execution_id, project_id, step, key, parts, outputs)"
            " SELECT id, project_id, step, :key, :parts, '{}' FROM executions WHERE id = :id"
            " ON CONFLICT (execution_id) DO UPDATE SET key = excluded.key, parts = excluded.parts"
        )
        self._write(lambda transaction, _again: transaction.change(sql, values))

    def remember_outputs(self, execution_id: str, states: Mapping[str, Sequence[int]]) -> None:
        """What its outputs look like on disk, by id of the datum. Without a key nothing is remembered."""
        values = {
            "id": execution_id,
            "outputs": strict_json.dumps({name: list(state) for name, state in states.items()}),
        }
        sql = "UPDATE execution_keys SET outputs = :outputs WHERE execution_id = :id"
        self._write(lambda transaction, _again: transaction.change(sql, values))

    def of_key(self, project_id: str, key: str, *, complete: bool = True, limit: int = 20) -> list[Keyed]:
        """Executions of a project with this key, newest first: those that are complete, or those that are not."""
        sign = "=" if complete else "<>"
        tail = statement(
            "WHERE e.id IN (SELECT k.execution_id FROM execution_keys k JOIN executions x ON x.id = k.execution_id",
            "WHERE k.project_id = :project AND k.key = :key AND x.status",
            sign,
            "'complete' ORDER BY k.execution_id DESC LIMIT :limit) ORDER BY e.id DESC",
        )
        values = {"project": project_id, "key": key, "limit": limit}
        return self._read(lambda transaction: _keyed(transaction, tail, values))

    def keys_of_step(self, project_id: str, step: str, *, limit: int = 200) -> list[tuple[str, Parts]]:
        """Ids and parts of the complete ones among the newest executions of a step, newest first."""
        sql = (
            "SELECT k.execution_id, k.parts FROM (SELECT execution_id, parts FROM execution_keys"
            " WHERE project_id = :project AND step = :step ORDER BY execution_id DESC LIMIT :limit) k"
            " JOIN executions e ON e.id = k.execution_id WHERE e.status = 'complete' ORDER BY k.execution_id DESC"
        )
        values = {"project": project_id, "step": storable(step), "limit": limit}
        found = self._read(lambda transaction: transaction.rows(sql, values))
        return [(row["execution_id"], json.loads(row["parts"])) for row in found]


def _keyed(transaction: Transaction, tail: str, values: Mapping[str, Any]) -> list[Keyed]:
    found = EXECUTIONS.select(transaction, tail, values)
    sql = "SELECT parts, outputs FROM execution_keys WHERE execution_id = :id"
    keyed = []
    for execution in found:
        row = transaction.rows(sql, {"id": execution.id})[0]
        keyed.append(Keyed(execution, json.loads(row["parts"]), json.loads(row["outputs"])))
    return keyed
