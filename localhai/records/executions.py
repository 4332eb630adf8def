"""Executions: created, changed by allowed transitions only, found by counter, `latest`, id or prefix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localhai.errors import TransitionError, UsageError
from localhai.records import execution_rows as rows
from localhai.records import owners
from localhai.records.access import RecordAccess
from localhai.records.counters import DELETED, next_counter
from localhai.records.database import Away, placeholders, statement, storable
from localhai.records.execution_refs import find
from localhai.system import strict_json
from localhai.vocabulary import ALLOWED, FINAL, INCOMPLETE, Status, allowed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.records.database import Transaction
    from localhai.records.rows import ExecutionRecord, Owner, StatusChange

_AT_ONCE = 100
_wild_re = re.compile("[%_!]")
_TIME_OF = {Status.QUEUED: "queued", Status.STARTED: "started", **dict.fromkeys(FINAL, "finished")}


class ExecutionRecords(RecordAccess):
    """The executions' part of Records."""

    def create_execution(
        self,
        project_id: str,
        *,
        step: str,
        image: str,
        commit: str | None,
        document: Mapping[str, Any],
        owner: Owner | None,
        title: str | None = None,
        tags: Sequence[str] = (),
        environment: str | None = None,
        folder: str | None = None,
        by: str = "localhai",
        known_as: str | None = None,
    ) -> ExecutionRecord:
        """A new execution, `created`, with its id and the project's next counter (from 1, without gaps).

        `document` holds JSON values and no secrets: masking is the caller's. `known_as` is its id, if it has one yet.
        """
        values = {
            "id": known_as or self.coming_id("executions"),
            "project_id": project_id,
            "status": str(Status.CREATED),
            "created": self._now(),
            "document": strict_json.dumps(dict(document)),
            **rows.columns({"step": step, "image": image, "commit": commit, "title": title}),
            **rows.columns({"environment": environment, "folder": folder, "owner": owner}),
        }

        def work(transaction: Transaction, again: bool) -> ExecutionRecord:
            if not (again and rows.select(transaction, "WHERE e.id = :id", {"id": values["id"]})):
                counter = next_counter(transaction, project_id, "execution")
                rows.insert(transaction, {**values, "counter": counter})
                rows.write_tags(transaction, values["id"], tags)
                _note(transaction, values["id"], values["created"], None, Status.CREATED, by)
            return rows.one(transaction, values["id"])

        return self._write(work)

    def transition(
        self, execution_id: str, to: Status | str, *, by: str = "localhai", **changes: Any
    ) -> ExecutionRecord:
        """Change the status, and whatever `update` can change, in one transaction.

        Only Valohai's transitions are allowed (TransitionError). Staying in the same status changes nothing at all,
        `changes` included: the first one to close an execution has said how it ended. The times `queued`, `started`
        and `finished` are set on the way unless given in `changes`.
        """
        now = self._now()
        return self._write(
            lambda transaction, _again: change_status(
                transaction, execution_id, Status(to), now=now, by=by, changes=changes, lock=self._locks_rows
            )
        )

    def update(self, execution_id: str, **changes: Any) -> ExecutionRecord:
        """Change what is remembered beside the status.

        Columns are `step, image, commit, title, tags, environment, exit_code, owner, container_id, folder, queued,
        started, finished, stop_requested`; other names are keys of the document, replaced one by one. ValueError for
        `status` (see `transition`) and for what never changes.
        """

        def work(transaction: Transaction, _again: bool) -> ExecutionRecord:
            execution = rows.one(transaction, execution_id, lock=self._locks_rows)
            values = rows.apply(transaction, execution, changes)
            if values:
                rows.update(transaction, execution_id, values)
            return rows.one(transaction, execution_id)

        return self._write(work)

    def execution(self, execution_id: str) -> ExecutionRecord:
        """By its full id. Raises UsageError when there is none."""
        return self._read(lambda transaction: rows.one(transaction, execution_id))

    def find_execution(self, ref: str, project_id: str | None = None) -> ExecutionRecord:
        """By `5`, `#5`, `latest`, id or unambiguous prefix of an id. Raises UsageError, with candidates.

        Counters need a project; `latest` is that of the project when one is given.
        """
        return self._read(lambda transaction: find(transaction, ref, project_id))

    def executions(
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

    def executions_of_user(
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
            page = self._page(statement(where, "ORDER BY e.id DESC LIMIT :limit"), parameters)
            found += [item for item in page if item.document.get("user") == user]
            if len(page) < parameters["limit"]:
                break
            before = page[-1].id
        return found[:limit]

    def _page(self, tail: str, parameters: Mapping[str, Any]) -> list[ExecutionRecord]:
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

    def count_executions(
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

    def open_executions(self, *, project_id: str | None = None, host: str | None = None) -> list[ExecutionRecord]:
        """All that have not ended, with their owners, oldest first: what recovery looks at."""
        listed, parameters = placeholders(sorted(str(status) for status in INCOMPLETE))
        where = f"WHERE e.status IN {listed}"
        for column, value in (("project_id", project_id), ("owner_host", host)):
            if value is not None:
                where += f" AND e.{column} = :{column}"
                parameters[column] = value
        return self._read(lambda transaction: rows.select(transaction, f"{where} ORDER BY e.id", parameters))

    def status_changes(self, execution_id: str) -> list[StatusChange]:
        """Every change of status, oldest first."""
        return self._read(lambda transaction: rows.status_changes(transaction, execution_id))

    def request_stop(self, execution_id: str) -> bool:
        """Ask whoever runs it to stop it; asking twice keeps the first time. False when it has ended already."""
        listed, parameters = placeholders(sorted(str(status) for status in INCOMPLETE))
        first = "UPDATE executions SET stop_requested = COALESCE(stop_requested, :now) WHERE id = :id AND status IN"
        sql = statement(first, listed)
        parameters |= {"id": execution_id, "now": self._now()}
        return self._write(lambda transaction, _again: transaction.change(sql, parameters)) > 0

    def stop_requested(self, execution_id: str) -> bool:
        """Cheap, for polling: also once somebody else closed it. False also while the database cannot be asked."""
        sql = "SELECT stop_requested, status FROM executions WHERE id = :id"
        try:
            with self._database.begin(write=False) as transaction:
                found = transaction.rows(sql, {"id": execution_id})
        except Away:
            return False
        return bool(found) and (found[0]["stop_requested"] is not None or found[0]["status"] in FINAL)

    def adopt(self, execution_id: str, expected_owner: Owner | None, new_owner: Owner | None) -> bool:
        """Become the owner of an open execution, if it still has the owner that was seen. One of several wins."""
        expected = rows.columns({"owner": expected_owner})
        same = " AND ".join(
            f"{column} IS NULL" if expected[column] is None else f"{column} = :expected_{column}"
            for column in owners.COLUMNS
        )
        listed, parameters = placeholders(sorted(str(status) for status in INCOMPLETE))
        parameters |= {f"expected_{name}": value for name, value in expected.items() if value is not None}

        def work(transaction: Transaction, again: bool) -> bool:
            condition = f"{same} AND status IN {listed}"
            if rows.update(transaction, execution_id, rows.columns({"owner": new_owner}), condition, **parameters):
                return True
            return again and rows.one(transaction, execution_id).owner == new_owner

        return self._write(work)

    def delete_execution(self, execution_id: str, *, purge: bool = True) -> None:
        """Forget an execution that has ended (UsageError otherwise). Its data stay known, with `purge` as purged."""
        now = self._now()

        def work(transaction: Transaction, again: bool) -> None:
            found = rows.select(transaction, "WHERE e.id = :id", {"id": execution_id}, outputs=False)
            if not found and again:
                return
            execution = found[0] if found else rows.one(transaction, execution_id)
            if execution.status in INCOMPLETE:
                raise UsageError(
                    f"execution #{execution.counter} is {execution.status} and cannot be deleted",
                    where=execution_id,
                    hints=[f"stop it first: localhai execution stop {execution.counter}"],
                )
            if purge:
                sql = "UPDATE data SET purged = :now WHERE execution_id = :id AND purged IS NULL"
                transaction.change(sql, {"id": execution_id, "now": now})
            transaction.change("DELETE FROM executions WHERE id = :id", {"id": execution_id})
            next_counter(transaction, execution.project_id, DELETED)

        self._write(work)


def change_status(
    transaction: Transaction,
    execution_id: str,
    new: Status,
    *,
    now: str,
    by: str,
    changes: Mapping[str, Any],
    lock: bool,
) -> ExecutionRecord:
    """See `ExecutionRecords.transition`."""
    execution = rows.one(transaction, execution_id, lock=lock)
    if execution.status is new:
        return execution
    if not allowed(execution.status, new):
        raise TransitionError(execution_id, execution.status, new, following=sorted(ALLOWED[execution.status]))
    values: dict[str, Any] = {"status": str(new)}
    if new in _TIME_OF:
        values[_TIME_OF[new]] = now
    if new is Status.STOPPING and execution.stop_requested is None:
        values["stop_requested"] = now
    values.update(rows.apply(transaction, execution, changes))
    if not rows.update(transaction, execution_id, values, "status = :old", old=str(execution.status)):
        raise Away("another process changed the execution in the same moment")
    _note(transaction, execution_id, now, execution.status, new, by)
    return rows.one(transaction, execution_id)


def _note(transaction: Transaction, execution_id: str, time: str, old: Status | None, new: Status, by: str) -> None:
    transaction.change(
        "INSERT INTO status_changes (execution_id, time, old_status, new_status, changed_by)"
        " VALUES (:execution_id, :time, :old, :new, :by)",
        {
            "execution_id": execution_id,
            "time": time,
            "old": None if old is None else str(old),
            "new": str(new),
            "by": storable(by),
        },
    )


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
