"""From what a person types to an execution: `5`, `#5`, `latest`, an id or the beginning of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.records import execution_rows as rows

if TYPE_CHECKING:
    from localhai.records.database import Transaction
    from localhai.records.rows import ExecutionRecord

_CANDIDATES = 5
_SHORTEST_PREFIX = 4  # of digits alone: shorter ones are counters

_counter_re = re.compile(r"#?(\d{1,9})")
_prefix_re = re.compile(r"[0-9a-f]+(-[0-9a-f]*)*")


def find(transaction: Transaction, ref: str, project_id: str | None) -> ExecutionRecord:
    """See ExecutionRecords.find_execution."""
    ref = ref.strip().lower()
    if ref == "latest":
        return _latest(transaction, project_id)
    match = _counter_re.fullmatch(ref)
    if match:
        found = _by_counter(transaction, int(match[1]), project_id)
        if found is not None:
            return found
    if _prefix_re.fullmatch(ref) and (not match or len(ref) >= _SHORTEST_PREFIX):
        found = _by_prefix(transaction, ref, project_id)
        if found is not None:
            return found
    raise _unknown(transaction, ref, project_id, counter=match is not None)


def _latest(transaction: Transaction, project_id: str | None) -> ExecutionRecord:
    found = _select(transaction, project_id, limit=1)
    if not found:
        raise UsageError("there is no execution yet", where="latest", hints=["run one: localhai run STEP"])
    return found[0]


def _by_counter(transaction: Transaction, counter: int, project_id: str | None) -> ExecutionRecord | None:
    if project_id is None:
        return None
    found = _select(transaction, project_id, " AND e.counter = :counter", limit=1, counter=counter)
    return found[0] if found else None


def _by_prefix(transaction: Transaction, prefix: str, project_id: str | None) -> ExecutionRecord | None:
    """The project's own first, then those of all: one home holds all projects."""
    for scope in dict.fromkeys((project_id, None)):
        # `g` comes after every digit of an id, so this range holds what begins with the prefix.
        found = _select(
            transaction, scope, " AND e.id >= :low AND e.id < :high", limit=None, low=prefix, high=f"{prefix}g"
        )
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"{len(found)} executions begin with {prefix!r}", where=prefix, hints=_lines(found[:_CANDIDATES])
            )
    return None


def _unknown(transaction: Transaction, ref: str, project_id: str | None, *, counter: bool) -> UsageError:
    if counter and project_id is None:
        return UsageError(
            f"{ref} is the number of an execution in a project, and no project is given",
            where=ref,
            hints=["call from the project's folder, or give the execution's id"],
        )
    latest = _lines(_select(transaction, project_id, limit=_CANDIDATES))
    return UsageError(
        f"there is no execution {ref!r}",
        where=ref,
        hints=["give a number, `latest`, an id or the beginning of one", *latest],
    )


def _select(
    transaction: Transaction, project_id: str | None, condition: str = "", *, limit: int | None, **parameters: Any
) -> list[ExecutionRecord]:
    where = f"WHERE {'1 = 1' if project_id is None else 'e.project_id = :project_id'}{condition} ORDER BY e.id DESC"
    if project_id is not None:
        parameters["project_id"] = project_id
    if limit is not None:
        where += " LIMIT :limit"
        parameters["limit"] = limit
    return rows.select(transaction, where, parameters)


def _lines(executions: list[ExecutionRecord]) -> list[str]:
    return [f"#{item.counter} {item.id} {item.step} ({item.project}, {item.status})" for item in executions]
