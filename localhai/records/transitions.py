"""Executions made, changed by allowed transitions only, given their outputs, and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.errors import TransitionError, UsageError
from localhai.records.access import next_counter
from localhai.records.data import insert, project_of
from localhai.records.database import Away, storable
from localhai.records.executions import DELETED, EXECUTIONS, ExecutionLists, ExecutionRecord
from localhai.records.mapper import Table
from localhai.vocabulary import ALLOWED, FINAL, INCOMPLETE, Status, allowed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.records.data import DatumRecord
    from localhai.records.database import Transaction
    from localhai.records.owners import Owner
    from localhai.records.versions import VersionRequest

_FIXED = frozenset({"id", "project_id", "project", "counter", "status", "created", "document", "outputs"})
_CHANGEABLE = frozenset(ExecutionRecord.__struct_fields__) - _FIXED - {"tags"}
_TIME_OF = {Status.QUEUED: "queued", Status.STARTED: "started", **dict.fromkeys(FINAL, "finished")}


class StatusChange(Struct, frozen=True):
    """One change of status: `old` is None when the execution was created, `by` says who changed it."""

    time: str
    old: Status | None
    new: Status
    by: str


CHANGES = Table(
    StatusChange,
    "status_changes",
    "c",
    joined={"old": "c.old_status", "new": "c.new_status", "by": "c.changed_by"},
    reads={"old": lambda stored: None if stored is None else Status(stored), "new": Status},
)


class ExecutionRecords(ExecutionLists):
    """`records.executions`."""

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
        key, now = known_as or self.coming_id(), self._now()
        values = {
            "id": key,
            "project_id": project_id,
            "status": str(Status.CREATED),
            "created": now,
            "document": dict(document),
            "step": step,
            "image": image,
            "commit": commit,
            "title": title,
            "environment": environment,
            "folder": folder,
            "owner": owner,
        }

        def more(transaction: Transaction) -> None:
            _write_tags(transaction, key, tags)
            _note(transaction, key, now, None, Status.CREATED, by)

        return self._create(values, more)

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
            execution = EXECUTIONS.one(transaction, execution_id, lock=self._access.locks_rows)
            values = _apply(transaction, execution, changes)
            if values:
                EXECUTIONS.update(transaction, values, "id = :id", id=execution_id)
            return EXECUTIONS.one(transaction, execution_id)

        return self._write(work)

    def status_changes(self, execution_id: str) -> list[StatusChange]:
        """Every change of status, oldest first."""
        tail = "WHERE c.execution_id = :id ORDER BY c.id"
        return self._read(lambda transaction: CHANGES.select(transaction, tail, {"id": execution_id}))

    def stop_requested(self, execution_id: str) -> bool:
        """Cheap, for polling: also once somebody else closed it. False also while the database cannot be asked."""
        sql = "SELECT stop_requested, status FROM executions WHERE id = :id"
        found = self._access.glance(lambda transaction: transaction.rows(sql, {"id": execution_id})) or []
        return bool(found) and (found[0]["stop_requested"] is not None or found[0]["status"] in FINAL)

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
            project_id = project_of(transaction, execution_id)
            insert(transaction, execution_id, project_id, data)
            if aliases:
                from localhai.records.aliases import point  # most executions give none

            for name, datum_id in aliases.items():
                point(transaction, project_id, name, datum_id, now)
            return make(transaction, project_id) if versions else []

        def make(transaction: Transaction, project_id: str) -> list[str]:
            from localhai.records import version_making as making  # most executions make none

            said: list[str] = []
            for request in versions:
                decision = making.make(
                    transaction, project_id, execution_id, request, now, lock=self._access.locks_rows
                )
                said += making.sentences(decision)
            return said

        return self._write(work) if data else []

    def delete(self, execution_id: str, *, purge: bool = True) -> None:
        """Forget an execution that has ended (UsageError otherwise). Its data stay known, with `purge` as purged."""
        now = self._now()

        def work(transaction: Transaction, again: bool) -> None:
            if again and not EXECUTIONS.is_there(transaction, execution_id):
                return
            execution = EXECUTIONS.one(transaction, execution_id, whole=False)
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
    execution = EXECUTIONS.one(transaction, execution_id, lock=lock)
    if execution.status is new:
        return execution
    if not allowed(execution.status, new):
        raise TransitionError(execution_id, execution.status, new, following=sorted(ALLOWED[execution.status]))
    values: dict[str, Any] = {"status": str(new)}
    if new in _TIME_OF:
        values[_TIME_OF[new]] = now
    if new is Status.STOPPING and execution.stop_requested is None:
        values["stop_requested"] = now
    values.update(_apply(transaction, execution, changes))
    where = "id = :id AND status = :old"
    if not EXECUTIONS.update(transaction, values, where, id=execution_id, old=str(execution.status)):
        raise Away("another process changed the execution in the same moment")
    _note(transaction, execution_id, now, execution.status, new, by)
    return EXECUTIONS.one(transaction, execution_id)


def _apply(transaction: Transaction, execution: ExecutionRecord, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Columns to set for `changes`; tags are written at once, names without a column become keys of the document."""
    fixed = sorted(_FIXED.intersection(changes))
    if fixed:
        raise ValueError(f"{', '.join(fixed)} of an execution cannot be changed")
    if "tags" in changes:
        _write_tags(transaction, execution.id, changes["tags"])
    values = {name: value for name, value in changes.items() if name in _CHANGEABLE}
    loose = {name: value for name, value in changes.items() if name not in _CHANGEABLE and name != "tags"}
    return {**values, "document": {**execution.document, **loose}} if loose else values


def _write_tags(transaction: Transaction, execution_id: str, tags: Sequence[str]) -> None:
    """These tags and no others, each once, in this order."""
    transaction.change("DELETE FROM execution_tags WHERE execution_id = :id", {"id": execution_id})
    unique = dict.fromkeys(storable(tag) for tag in tags)
    if unique:
        transaction.change_many(
            "INSERT INTO execution_tags (execution_id, tag, position) VALUES (:id, :tag, :position)",
            [{"id": execution_id, "tag": tag, "position": position} for position, tag in enumerate(unique)],
        )


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
