"""What every noun of the records shares: a database, a clock, patience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from localhai.records.ids import new_id, seen
from localhai.records.times import text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from localhai.records.database import Database, Patience, Transaction

T = TypeVar("T")
Table = Literal["executions", "tasks", "pipelines", "deployment_versions", "users"]


class RecordAccess:
    """Base of the nouns' classes. Work is a function of one transaction, called again when the database was away."""

    def __init__(self, database: Database, patience: Patience, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._patience = patience
        self._clock = clock
        self._locks_rows = database.dialect == "postgresql"  # SQLite locks as a whole

    def _now(self) -> str:
        return text(self._clock())

    def coming_id(self, table: Table) -> str:
        """A new id that sorts after all that the table has: what is newest stays so when the clock is set back."""
        sql = f"SELECT max(id) AS newest FROM {table}"  # noqa: S608  # one of Table
        newest = self._read(lambda transaction: transaction.rows(sql))[0]["newest"]
        if newest is not None:
            seen(newest)
        return new_id()

    def _read(self, work: Callable[[Transaction], T]) -> T:
        return self._attempts(lambda transaction, _again: work(transaction), write=False)

    def _write(self, work: Callable[[Transaction, bool], T]) -> T:
        """`work` is told whether all that it does may be done: before, it was, and the answer of COMMIT was lost.

        What gives False has changed nothing: it is called again as if for the first time.
        """
        return self._attempts(work, write=True)

    def _attempts(self, work: Callable[[Transaction, bool], T], *, write: bool) -> T:
        may_be_done = False

        def once(_again: bool) -> T:
            nonlocal may_be_done
            with self._database.begin(write=write) as transaction:
                found = work(transaction, may_be_done)
                may_be_done = may_be_done or found is not False
            return found

        return self._patience.call(self._database.where, once)
