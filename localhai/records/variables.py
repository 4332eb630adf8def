"""Environment variables of projects, as the REST API keeps them."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict

from localhai.records.access import NounRecords
from localhai.records.database import storable
from localhai.records.mapper import Table


class Variable(Struct, frozen=True):
    """An environment variable of a project: set in all its executions that are started over the API."""

    name: str
    value: str
    secret: bool


VARIABLES = Table(Variable, "project_variables", "v", texts=("name", "value"), reads={"secret": bool})


class VariableRecords(NounRecords):
    """`records.variables`: the environment variables of projects."""

    table = VARIABLES

    def set(self, project_id: str, variable: Variable) -> None:
        """Make it, or replace the one of that name."""
        values = {"project_id": project_id, **asdict(variable)}
        conflict = "(project_id, name) DO UPDATE SET value = excluded.value, secret = excluded.secret"
        self._write(lambda transaction, _again: VARIABLES.insert(transaction, values, conflict))

    def delete(self, project_id: str, name: str) -> bool:
        """Whether there was one."""
        sql = "DELETE FROM project_variables WHERE project_id = :id AND name = :name"
        key = {"id": project_id, "name": storable(name)}
        return self._write(lambda transaction, again: transaction.change(sql, key) > 0 or again)

    def list(self, project_id: str) -> list[Variable]:
        """By name."""
        tail, key = "WHERE v.project_id = :id ORDER BY v.name", {"id": project_id}
        return self._read(lambda transaction: VARIABLES.select(transaction, tail, key))
