"""Signs of life: which processes that own something were heard of, and when, by the clock of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.records import owners
from localhai.records.access import NounRecords
from localhai.records.database import Away, statement

if TYPE_CHECKING:
    from localhai.records.database import Transaction
    from localhai.records.owners import Owner

_NOW = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
}
_COLUMNS = ", ".join(owners.COLUMNS)
_VALUES = ", ".join(f":{column}" for column in owners.COLUMNS)
_SAME = " AND ".join(f"{column} = :{column}" for column in owners.COLUMNS)
_KEPT = 24 * 3600.0  # seconds that a silent process is remembered: then it counts as one that gave no sign


class ProcessRecords(NounRecords):
    """`records.processes`."""

    def give_sign(self, owner: Owner, timeout: float | None = None) -> bool:
        """Note that it lives. Tried once: False when the database is away, the next sign comes soon.

        `timeout` is after how many seconds of silence it may be taken for dead.
        """
        try:
            with self._access.database.begin(write=True) as transaction:
                self._see(transaction, owner, timeout)
        except Away:
            return False
        return True

    def silence(self, owner: Owner) -> float | None:
        """Seconds since its last sign of life; None when it never gave one."""
        sql = statement("SELECT", self._clock_sql, "- seen AS silent FROM processes WHERE", _SAME)
        found = self._read(lambda transaction: transaction.rows(sql, owners.columns(owner)))
        return max(0.0, float(found[0]["silent"])) if found else None

    def timeout(self, owner: Owner) -> float | None:
        """What it said of itself: after how many seconds of silence it may be taken for dead. None: nothing."""
        sql = statement("SELECT timeout FROM processes WHERE", _SAME)
        found = self._read(lambda transaction: transaction.rows(sql, owners.columns(owner)))
        return None if not found or found[0]["timeout"] is None else float(found[0]["timeout"])

    def give_up(self, owner: Owner) -> None:
        """What it ran is closed without it: its own machine shall look what is left there."""
        sql = statement("UPDATE processes SET given_up = :yes WHERE", _SAME)

        def work(transaction: Transaction, _again: bool) -> None:
            values = {**owners.columns(owner), "yes": True}
            if not transaction.change(sql, values):
                self._see(transaction, owner)
                transaction.change(sql, values)

        self._write(work)

    def given_up(self, host: str) -> list[Owner]:
        """The processes of a machine that others gave up."""
        sql = statement("SELECT", _COLUMNS, "FROM processes WHERE owner_host = :host AND given_up = :yes")
        rows = self._read(lambda transaction: transaction.rows(sql, {"host": host, "yes": True}))
        return [owner for owner in map(owners.take, rows) if owner is not None]

    def forget(self, owner: Owner) -> None:
        """Its machine has cleaned up after it."""
        sql = statement("DELETE FROM processes WHERE", _SAME)
        self._write(lambda transaction, _again: transaction.change(sql, owners.columns(owner)))

    @property
    def _clock_sql(self) -> str:
        return _NOW[self._access.database.dialect]

    def _see(self, transaction: Transaction, owner: Owner, timeout: float | None = None) -> None:
        names, values = f"{_COLUMNS}, seen, given_up, timeout", f"{_VALUES}, {self._clock_sql}, :no, :timeout"
        insert = f"INSERT INTO processes ({names}) VALUES ({values})"  # noqa: S608  # words of this file
        key = ", ".join(owners.COLUMNS)
        conflict = (
            f"ON CONFLICT ({key}) DO UPDATE SET seen = excluded.seen,"
            " timeout = COALESCE(excluded.timeout, processes.timeout)"
        )
        transaction.change(statement(insert, conflict), {**owners.columns(owner), "no": False, "timeout": timeout})
        old = statement("DELETE FROM processes WHERE given_up = :no AND seen <", self._clock_sql, "- :kept")
        transaction.change(old, {"no": False, "kept": _KEPT})
