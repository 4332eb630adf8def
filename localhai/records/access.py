"""What every noun of the records shares: a database, a clock, patience; and what all that are counted can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from localhai.records import owners, references
from localhai.records.database import Away, placeholders, statement
from localhai.records.ids import new_id, seen
from localhai.records.references import Item
from localhai.records.times import text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from localhai.records.database import Database, Patience, Transaction
    from localhai.records.mapper import Table
    from localhai.records.owners import Owner

T = TypeVar("T")


class RecordAccess:
    """A database, a clock, patience. Work is a function of one transaction, called again when the database was away."""

    def __init__(self, database: Database, patience: Patience, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.patience = patience
        self.clock = clock
        self.locks_rows = database.dialect == "postgresql"  # SQLite locks as a whole

    def now(self) -> str:
        """The time of this moment as rows have it."""
        return text(self.clock())

    def read(self, work: Callable[[Transaction], T]) -> T:
        """What `work` finds. Raises RecordsUnavailable, as `write` does."""
        return self._attempts(lambda transaction, _again: work(transaction), write=False)

    def write(self, work: Callable[[Transaction, bool], T]) -> T:
        """`work` is told whether all that it does may be done: before, it was, and the answer of COMMIT was lost.

        What gives False has changed nothing: it is called again as if for the first time.
        """
        return self._attempts(work, write=True)

    def glance(self, work: Callable[[Transaction], T]) -> T | None:
        """Cheap, for polling: None while the database cannot be asked, since the next look comes soon."""
        try:
            with self.database.begin(write=False) as transaction:
                return work(transaction)
        except Away:
            return None

    def _attempts(self, work: Callable[[Transaction, bool], T], *, write: bool) -> T:
        may_be_done = False

        def once(_again: bool) -> T:
            nonlocal may_be_done
            with self.database.begin(write=write) as transaction:
                found = work(transaction, may_be_done)
                may_be_done = may_be_done or found is not False
            return found

        return self.patience.call(self.database.where, once)


class NounRecords:
    """Base of the nouns' classes. In them `list` comes last: behind it the word means the method."""

    table: Table[Any]

    def __init__(self, access: RecordAccess) -> None:
        self._access = access
        self._now = access.now
        self._read = access.read
        self._write = access.write

    def coming_id(self) -> str:
        """A new id that sorts after all that the table has: what is newest stays so when the clock is set back."""
        sql = f"SELECT max(id) AS newest FROM {self.table.name}"  # noqa: S608  # words of these files
        newest = self._read(lambda transaction: transaction.rows(sql))[0]["newest"]
        if newest is not None:
            seen(newest)
        return new_id()


class CountedRecords(NounRecords, Generic[Item]):
    """Base of executions, tasks and pipelines: each has its number in the project, a status and an owner.

    `open` are the statuses of those that have not ended. The others are what `references.find` says of them.
    """

    table: Table[Item]
    open: Collection[str]
    start: str
    named = "name"
    told: tuple[str, ...] = ()

    def get(self, key: str) -> Item:
        """By its full id. Raises UsageError when there is none."""
        return self._read(lambda transaction: self.table.one(transaction, key))

    def find(self, ref: str, project_id: str | None = None) -> Item:
        """By `5`, `#5`, `=5`, `latest`, id or unambiguous beginning of an id. Raises UsageError, with candidates.

        Numbers need a project; `latest` is that of the project when one is given.
        """
        return self._read(
            lambda transaction: references.find(
                transaction, self.table, ref, project_id, start=self.start, named=self.named, told=self.told
            )
        )

    def request_stop(self, key: str) -> bool:
        """Ask whoever runs it to stop it; asking twice keeps the first time. False when it has ended already."""
        is_open, parameters = self._is_open()
        setting = "SET stop_requested = COALESCE(stop_requested, :now) WHERE id = :id AND"
        sql = statement("UPDATE", self.table.name, setting, is_open)
        parameters |= {"id": key, "now": self._now()}
        return self._write(lambda transaction, _again: transaction.change(sql, parameters)) > 0

    def adopt(self, key: str, expected_owner: Owner | None, new_owner: Owner | None) -> bool:
        """Become the owner of one that is open, if it still has the owner that was seen. One of several wins."""
        is_open, parameters = self._is_open()
        same, expected = owners.same(expected_owner)
        where = statement("id = :id AND", is_open, "AND", same)

        def work(transaction: Transaction, again: bool) -> bool:
            if self.table.update(transaction, {"owner": new_owner}, where, id=key, **parameters, **expected):
                return True
            return again and self.table.one(transaction, key).owner == new_owner

        return self._write(work)

    def _is_open(self, alias: str = "") -> tuple[str, dict[str, Any]]:
        listed, parameters = placeholders(sorted(str(status) for status in self.open))
        return f"{alias}status IN {listed}", parameters

    def _create(self, values: Mapping[str, Any], more: Callable[[Transaction], None] | None = None) -> Item:
        """A new one of these fields, with the project's next counter (from 1, without gaps)."""

        def work(transaction: Transaction, again: bool) -> Item:
            if not (again and self.table.is_there(transaction, values["id"])):
                counter = next_counter(transaction, values["project_id"], self.table.noun)
                row = {**values, "counter": counter}
                if not self.table.insert(transaction, row, "(id) DO NOTHING"):  # seen as done by the next attempt
                    raise Away(f"an attempt to create the {self.table.noun} was given up too early")
                if more is not None:
                    more(transaction)
            return self.table.one(transaction, values["id"])

        return self._write(work)

    def list_open(self, *, project_id: str | None = None, host: str | None = None) -> list[Item]:
        """All that have not ended, with their owners, oldest first: what recovery looks at."""
        alias = self.table.alias
        where, parameters = self._is_open(f"{alias}.")
        for column, value in (("project_id", project_id), ("owner_host", host)):
            if value is not None:
                where += f" AND {alias}.{column} = :{column}"
                parameters[column] = value
        tail = statement("WHERE", where, f"ORDER BY {alias}.id")
        return self._read(lambda transaction: self.table.select(transaction, tail, parameters))

    def list(self, project_id: str | None = None, *, limit: int | None = 100) -> list[Item]:
        """Newest first."""
        alias = self.table.alias
        where = "" if project_id is None else f"WHERE {alias}.project_id = :project_id"
        parameters: dict[str, Any] = {} if project_id is None else {"project_id": project_id}
        if limit is not None:
            parameters["limit"] = limit
        tail = statement(where, f"ORDER BY {alias}.id DESC", "" if limit is None else "LIMIT :limit")
        return self._read(lambda transaction: self.table.select(transaction, tail, parameters))


def next_counter(transaction: Transaction, project_id: str, noun: str) -> int:
    """The next number of `noun` in a project. Other transactions wait for this one, or see it undone."""
    key = {"project_id": project_id, "noun": noun}
    transaction.change(
        "INSERT INTO counters (project_id, noun, value) VALUES (:project_id, :noun, 1)"
        " ON CONFLICT (project_id, noun) DO UPDATE SET value = counters.value + 1",
        key,
    )
    found = transaction.rows("SELECT value FROM counters WHERE project_id = :project_id AND noun = :noun", key)
    return int(found[0]["value"])
