"""Executions: created, changed by allowed transitions only, found by counter, `latest`, id or prefix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localhai.errors import TransitionError, UsageError
from localhai.records import data_rows, owners
from localhai.records import execution_rows as rows
from localhai.records.counters import DELETED, next_counter
from localhai.records.database import Away, placeholders, statement, storable
from localhai.records.execution_lists import ExecutionLists
from localhai.records.execution_refs import find
from localhai.system import strict_json
from localhai.vocabulary import ALLOWED, FINAL, INCOMPLETE, Status, allowed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.records.database import Transaction
    from localhai.records.rows import DatumRecord, ExecutionRecord, Owner, StatusChange
    from localhai.records.version_rows import VersionRequest

_AT_ONCE = 100
_wild_re = re.compile("[%_!]")
_TIME_OF = {Status.QUEUED: "queued", Status.STARTED: "started", **dict.fromkeys(FINAL, "finished")}


class ExecutionRecords(ExecutionLists):
    """The executions' part of Records."""

    table = "executions"

    def create(
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
            "id": known_as or self.coming_id(),
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
                transaction, execution_id, Status(to), now=now, by=by, changes=changes, lock=self._access.locks_rows
            )
        )

    def update(self, execution_id: str, **changes: Any) -> ExecutionRecord:
        """Change what is remembered beside the status.

        Columns are `step, image, commit, title, tags, environment, exit_code, owner, container_id, folder, queued,
        started, finished, stop_requested`; other names are keys of the document, replaced one by one. ValueError for
        `status` (see `transition`) and for what never changes.
        """

        def work(transaction: Transaction, _again: bool) -> ExecutionRecord:
            execution = rows.one(transaction, execution_id, lock=self._access.locks_rows)
            values = rows.apply(transaction, execution, changes)
            if values:
                rows.update(transaction, execution_id, values)
            return rows.one(transaction, execution_id)

        return self._write(work)

    def get(self, execution_id: str) -> ExecutionRecord:
        """By its full id. Raises UsageError when there is none."""
        return self._read(lambda transaction: rows.one(transaction, execution_id))

    def find(self, ref: str, project_id: str | None = None) -> ExecutionRecord:
        """By `5`, `#5`, `latest`, id or unambiguous prefix of an id. Raises UsageError, with candidates.

        Counters need a project; `latest` is that of the project when one is given.
        """
        return self._read(lambda transaction: find(transaction, ref, project_id))

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
            with self._access.database.begin(write=False) as transaction:
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

    def add_outputs(
        self,
        execution_id: str,
        data: Sequence[DatumRecord],
        aliases: Mapping[str, str],
        versions: Sequence[VersionRequest],
    ) -> list[str]:
        """Data of an execution, the aliases (name to id of a datum) and versions that they ask for: all or none.

        Gives what was refused, as sentences. May be repeated.
        """
        now = self._now()

        def work(transaction: Transaction, _again: bool) -> list[str]:
            found = transaction.rows("SELECT project_id FROM executions WHERE id = :id", {"id": execution_id})
            if not found:
                raise UsageError(f"there is no execution {execution_id}", where=execution_id)
            project_id = found[0]["project_id"]
            data_rows.insert(transaction, execution_id, project_id, data)
            for name, datum_id in aliases.items():
                data_rows.point_alias(transaction, project_id, name, datum_id, now)
            return make(transaction, project_id) if versions else []

        def make(transaction: Transaction, project_id: str) -> list[str]:
            from localhai.records import version_making  # most executions make none

            said: list[str] = []
            for request in versions:
                decision = version_making.make(
                    transaction, project_id, execution_id, request, now, lock=self._access.locks_rows
                )
                said += version_making.sentences(decision)
            return said

        return self._write(work) if data else []

    def delete(self, execution_id: str, *, purge: bool = True) -> None:
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
