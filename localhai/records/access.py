"""What every noun of the records shares: a database, a clock, patience."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from localhai.records.ids import new_id, seen
from localhai.records.times import text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from localhai.records.database import Database, Patience, Transaction

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

    table: ClassVar[str]

    def __init__(self, access: RecordAccess) -> None:
        self._access = access
        self._now = access.now
        self._read = access.read
        self._write = access.write

    def coming_id(self) -> str:
        """A new id that sorts after all that the table has: what is newest stays so when the clock is set back."""
        sql = f"SELECT max(id) AS newest FROM {self.table}"  # noqa: S608  # words of these files
        newest = self._read(lambda transaction: transaction.rows(sql))[0]["newest"]
        if newest is not None:
            seen(newest)
        return new_id()
