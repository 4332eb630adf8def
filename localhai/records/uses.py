"""Uses of data: which execution had which datum as input. With the outputs of executions, this is lineage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.records.access import NounRecords
from localhai.records.database import storable
from localhai.records.executions import EXECUTIONS
from localhai.records.mapper import Table
from localhai.vocabulary import has_scheme, without_scheme

if TYPE_CHECKING:
    from localhai.records.database import Transaction
    from localhai.records.deployments import DeploymentVersion
    from localhai.records.executions import ExecutionRecord

_PATTERNS_AT_ONCE = 50


class Use(Struct, frozen=True):
    """A datum that was in the input `input` of an execution."""

    execution_id: str
    datum_id: str
    input: str


class DeploymentUse(Struct, frozen=True):
    """A datum that is the file `file`, written `ENDPOINT.FILE`, of a version of a deployment."""

    version: DeploymentVersion
    datum_id: str
    file: str


USES = Table(Use, "input_data", "u")


class UseRecords(NounRecords):
    """`records.uses`."""

    table = USES

    def record_inputs(self, execution_id: str, inputs: Sequence[Mapping[str, Any]]) -> ExecutionRecord:
        """What an execution got: `[{name, files: [{uri, ...}]}]` for its record, and the data among it for lineage."""
        uses = [{"execution_id": execution_id, "datum_id": datum, "input": name} for name, datum in _uses(inputs)]

        def work(transaction: Transaction, _again: bool) -> ExecutionRecord:
            execution = EXECUTIONS.one(transaction, execution_id, lock=self._access.locks_rows)
            document = {**execution.document, "inputs": list(inputs)}
            EXECUTIONS.update(transaction, {"document": document}, "id = :id", id=execution_id)
            transaction.change("DELETE FROM input_data WHERE execution_id = :id", {"id": execution_id})
            USES.insert_many(transaction, uses, "DO NOTHING")
            return EXECUTIONS.one(transaction, execution_id)

        return self._write(work)

    def of_data(self, datum_ids: Sequence[str]) -> list[Use]:
        """Who used these data, in the order of the executions."""
        return self._uses("datum_id", datum_ids)

    def by_executions(self, execution_ids: Sequence[str]) -> list[Use]:
        """Which data these executions used, deleted executions too."""
        return self._uses("execution_id", execution_ids)

    def by_deployments(self, datum_ids: Sequence[str]) -> list[DeploymentUse]:
        """Versions of deployments that have these data among their files, oldest first."""
        from localhai.records.deployments import VERSIONS  # no execution needs them

        def work(transaction: Transaction) -> list[DeploymentVersion]:
            found: dict[str, DeploymentVersion] = {}
            for start in range(0, len(datum_ids), _PATTERNS_AT_ONCE):
                part = datum_ids[start : start + _PATTERNS_AT_ONCE]
                patterns = {f"p{number}": f'%"datum": "{datum}"%' for number, datum in enumerate(part)}
                either = " OR ".join(f"document LIKE :{name}" for name in patterns)
                tail = f"WHERE v.id IN (SELECT version_id FROM deployment_endpoints WHERE {either})"  # noqa: S608  # no text of users
                found |= {item.id: item for item in VERSIONS.select(transaction, tail, patterns)}
            return [found[version_id] for version_id in sorted(found)]

        wanted = frozenset(datum_ids)
        return [
            DeploymentUse(version, file.datum, f"{endpoint.name}.{file.name}")
            for version in self._read(work)
            for endpoint in version.endpoints
            for file in endpoint.files
            if file.datum in wanted
        ]

    def _uses(self, column: str, ids: Sequence[str]) -> list[Use]:
        order = "ORDER BY u.execution_id, u.input, u.datum_id"
        return self._read(lambda transaction: [*USES.among(transaction, column, ids, order)])


def _uses(inputs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str | None, str]]:
    """(input, datum) of data that were used: what took the place of an address, where something did."""
    used = [(item["name"], file.get("stand_in") or file["uri"]) for item in inputs for file in item["files"]]
    found = {(storable(str(name)), without_scheme(uri)): None for name, uri in used if has_scheme(uri)}
    return iter(found)
