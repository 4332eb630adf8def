"""Lists of executions, by what people and clients ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localhai.records import data_rows
from localhai.records import execution_rows as rows
from localhai.records.access import NounRecords
from localhai.records.counters import number_of_executions
from localhai.records.database import placeholders, statement
from localhai.system import strict_json
from localhai.vocabulary import FINAL, INCOMPLETE, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from localhai.records.database import Transaction
    from localhai.records.rows import ExecutionRecord

_AT_ONCE = 100
_wild_re = re.compile("[%_!]")


class ExecutionLists(NounRecords):
    """The part of `records.executions` that lists and counts."""

    def of_user(
        self,
        user: str,
        project_id: str | None = None,
        *,
        status: Status | str | None = None,
        step: str | None = None,
        tag: str | None = None,
        limit: int = 100,
    ) -> list[ExecutionRecord]:
        """As `executions`, those that this user started.

        The database finds documents in which the user's name stands; whether it stands at the right place is seen here,
        page by page: JSON functions are not in every SQLite, and refuse documents with NaN or NUL.
        """
        found: list[ExecutionRecord] = []
        before = None
        while len(found) < limit:
            where, parameters = _conditions(project_id, status, step, tag, user=user, before=before)
            parameters["limit"] = max(limit, _AT_ONCE)
            page = self._select(statement(where, "ORDER BY e.id DESC LIMIT :limit"), parameters)
            found += [item for item in page if item.document.get("user") == user]
            if len(page) < parameters["limit"]:
                break
            before = page[-1].id
        return found[:limit]

    def _select(self, tail: str, parameters: Mapping[str, Any]) -> list[ExecutionRecord]:
        return self._read(lambda transaction: rows.select(transaction, tail, parameters))

    def commits(self) -> set[str]:
        """Those that executions ran with."""
        sql = 'SELECT DISTINCT "commit" FROM executions WHERE "commit" IS NOT NULL'
        return {str(row["commit"]) for row in self._read(lambda transaction: transaction.rows(sql))}

    def ended_before(self, moment: str, project_id: str | None = None) -> list[tuple[str, str | None]]:
        """Ids and folders of those that had ended at that time (ISO-8601 UTC with microseconds), oldest first."""
        listed, parameters = placeholders(sorted(FINAL))
        own = "" if project_id is None else "AND project_id = :project_id"
        parameters |= {"moment": moment} | ({} if project_id is None else {"project_id": project_id})
        sql = statement(
            "SELECT id, folder FROM executions WHERE COALESCE(finished, created) <= :moment",
            own,
            "AND status IN",
            listed,
        )
        found = self._read(lambda transaction: transaction.rows(f"{sql} ORDER BY id", parameters))
        return [(row["id"], row["folder"]) for row in found]

    def count(
        self,
        project_id: str | None = None,
        *,
        status: Status | str | None = None,
        step: str | None = None,
        tag: str | None = None,
    ) -> int:
        """How many `executions` would list without a limit."""
        where, parameters = _conditions(project_id, status, step, tag)
        sql = statement("SELECT count(*) AS number FROM executions e", where)
        return int(self._read(lambda transaction: transaction.rows(sql, parameters))[0]["number"])

    def list_open(self, *, project_id: str | None = None, host: str | None = None) -> list[ExecutionRecord]:
        """All that have not ended, with their owners, oldest first: what recovery looks at."""
        listed, parameters = placeholders(sorted(str(status) for status in INCOMPLETE))
        where = f"WHERE e.status IN {listed}"
        for column, value in (("project_id", project_id), ("owner_host", host)):
            if value is not None:
                where += f" AND e.{column} = :{column}"
                parameters[column] = value
        return self._read(lambda transaction: rows.select(transaction, f"{where} ORDER BY e.id", parameters))

    def page(
        self,
        project_ids: Sequence[str],
        *,
        statuses: Sequence[str] = (),
        counters: Sequence[int] = (),
        step: str | None = None,
        task_id: str | None = None,
        newest_first: bool = True,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[ExecutionRecord], int]:
        """A page of executions, without their outputs, and how many there are on all pages. No project, no rows."""
        if not project_ids:
            return [], 0
        clauses: list[str] = []
        parameters: dict[str, Any] = {}
        for name, values in (("project_id", project_ids), ("status", statuses), ("counter", counters)):
            if values:
                listed, named = placeholders(values, f"{name}_")
                clauses.append(f"e.{name} IN {listed}")
                parameters |= named
        if step is not None:
            clauses.append("e.step = :step")
            parameters["step"] = step
        if task_id is not None:
            clauses.append("e.id IN (SELECT execution_id FROM task_children WHERE task_id = :task_id)")
            parameters["task_id"] = task_id
        where = statement("WHERE", " AND ".join(clauses))
        order = "ORDER BY e.id DESC" if newest_first else "ORDER BY e.id"
        tail = statement(where, order, "LIMIT :limit OFFSET :offset")
        shown = {**parameters, "limit": limit, "offset": offset}
        total = statement("SELECT count(*) AS number FROM executions e", where)

        def work(transaction: Transaction) -> tuple[list[ExecutionRecord], int]:
            found = rows.select(transaction, tail, shown, outputs=False)
            if not any((statuses, counters, step is not None, task_id)):
                return found, number_of_executions(transaction, project_ids)
            return found, int(transaction.rows(total, parameters)[0]["number"])

        return self._read(work)

    def counters_of(self, execution_ids: Collection[str]) -> dict[str, int]:
        """The counters of executions by id; those that are gone are not among them."""

        def work(transaction: Transaction) -> dict[str, int]:
            found: dict[str, int] = {}
            for part in data_rows.parts(sorted(execution_ids)):
                listed, parameters = placeholders(part)
                sql = statement("SELECT id, counter FROM executions WHERE id IN", listed)
                found |= {row["id"]: row["counter"] for row in transaction.rows(sql, parameters)}
            return found

        return self._read(work)

    def by_id(self, execution_ids: Sequence[str]) -> dict[str, ExecutionRecord]:
        """Those of these executions that there are, by id, without their outputs."""

        def work(transaction: Transaction) -> dict[str, ExecutionRecord]:
            found: dict[str, ExecutionRecord] = {}
            for part in data_rows.parts(execution_ids):
                listed, parameters = placeholders(part)
                tail = statement("WHERE e.id IN", listed)
                found |= {item.id: item for item in rows.select(transaction, tail, parameters, outputs=False)}
            return found

        return self._read(work)

    def list(
        self,
        project_id: str | None = None,
        *,
        status: Status | str | None = None,
        step: str | None = None,
        tag: str | None = None,
        commit: str | None = None,
        counters: range | None = None,
        limit: int | None = 100,
        offset: int = 0,
        outputs: bool = True,
    ) -> list[ExecutionRecord]:
        """Newest first. `outputs=False` leaves the outputs out where nobody shows them."""
        where, parameters = _conditions(project_id, status, step, tag, commit=commit, counters=counters)
        tail = statement(where, "ORDER BY e.id DESC")
        if limit is not None:
            tail = statement(tail, "LIMIT :limit OFFSET :offset")
            parameters |= {"limit": limit, "offset": offset}
        return self._read(lambda transaction: rows.select(transaction, tail, parameters, outputs=outputs))


_CLAUSES = {
    "project_id": "e.project_id = :project_id",
    "status": "e.status = :status",
    "step": "e.step = :step",
    "tag": "e.id IN (SELECT execution_id FROM execution_tags WHERE tag = :tag)",
    "commit": 'e."commit" = :commit',
    "first": "e.counter >= :first",
    "last": "e.counter <= :last",
    "user": "e.document LIKE :user ESCAPE '!'",
    "before": "e.id < :before",
}


def _conditions(
    project_id: str | None,
    status: Status | str | None,
    step: str | None,
    tag: str | None,
    *,
    commit: str | None = None,
    counters: range | None = None,
    user: str | None = None,
    before: str | None = None,
) -> tuple[str, dict[str, Any]]:
    """The WHERE of a list and its parameters."""
    given = {
        "project_id": project_id,
        "status": status and str(status),
        "step": step,
        "tag": tag,
        "commit": commit,
        "first": counters and counters.start,
        "last": counters and counters.stop - 1,
        "user": user and _document_has("user", user),
        "before": before,
    }
    parameters: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    where = " AND ".join(_CLAUSES[name] for name in parameters)
    return statement("WHERE" if where else "", where), parameters


def _document_has(key: str, value: str) -> str:
    """For LIKE: documents in which this pair stands somewhere."""
    pair = f"{strict_json.dumps(key)}: {strict_json.dumps(value)}"
    return "%" + _wild_re.sub(r"!\g<0>", pair) + "%"
