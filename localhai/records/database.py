"""The seam between records and a database: transactions of plain SQL, and patience with a database that is away.

The SQL of the records is written once, for SQLite 3.24 and PostgreSQL alike, with `:name` parameters. SQLite is asked
through the standard library (`sqlite.SqliteDatabase`): importing SQLAlchemy takes longer than a whole small
execution may. Everything else goes through SQLAlchemy Core (`postgresql.PostgresqlDatabase`).
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from localhai.errors import RecordsUnavailable
from localhai.system.retry import Attempts, Retry
from localhai.system.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

T = TypeVar("T")
Row = dict[str, Any]

Dialect = Literal["sqlite", "postgresql"]


class Away(Exception):
    """The database is locked or cannot be reached: it may be back in a moment. What was asked for may even be done."""


class Transaction(Protocol):
    """One transaction, open."""

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """What a SELECT gives."""

    def change(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """INSERT, UPDATE or DELETE; gives how many rows it touched."""

    def change_many(self, sql: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        """The same change for many rows."""


class Database(Protocol):
    """A database. `where` names it in messages, without a password."""

    dialect: Dialect
    where: str

    def begin(self, *, write: bool) -> AbstractContextManager[Transaction]:
        """A transaction: committed at the end of the block, rolled back when the block raises.

        Raises Away (try again), DiskFull or RecordsUnavailable.
        """

    def version(self) -> str | None:
        """The version of the schema, None when there is none yet. Raises as `begin` does."""

    def upgrade(self) -> None:
        """Bring the schema to the newest version, under a lock. Raises as `begin` does."""

    def close(self) -> None: ...


@dataclass(slots=True)
class Patience:
    """For how many seconds a database that is away is asked again, and how to wait.

    `tell` hears one sentence each time that the database goes away, unless it is back within `silent` seconds.
    """

    seconds: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    tell: Callable[[str], None] | None = None
    silent: float = 1.0
    _told: bool = field(default=False, init=False, repr=False)

    def call(self, where: str, action: Callable[[bool], T]) -> T:
        """Call `action` until the database answers. It is told whether this is a second try: the first may be done."""
        attempts = Attempts(Retry(sys.maxsize, first=0.05, longest=2.0, patience=self.seconds, spread=0.0))
        while True:
            try:
                found = action(attempts.failures > 0)
                self._told = False
                return found
            except Away as trouble:
                pause = attempts.again()
                if pause is None:
                    raise RecordsUnavailable(
                        f"the database of records does not answer: {trouble}",
                        where=where,
                        hints=[f"asked again for {self.seconds:g} s; is it running, or locked by another process?"],
                    ) from trouble
            if attempts.spent >= self.silent:
                self._tell_once(where)
            self.sleep(pause)

    def _tell_once(self, where: str) -> None:
        """Many threads may wait for the same database."""
        told, self._told = self._told, True
        if not told and self.tell is not None:
            self.tell(f"The database of records ({where}) does not answer; waiting up to {self.seconds:g} s for it.")


def statement(*parts: str) -> str:
    """SQL from parts that are written in these files. Values never stand in it: they are parameters."""
    return " ".join(part for part in parts if part)


def columns_of(alias: str, names: Iterable[str]) -> str:
    """`alias."name", ...` for SELECT: never `*`, since a newer localhai on this home may have added columns."""
    return ", ".join(f'{alias}."{name}"' for name in names)


def placeholders(values: Iterable[Any], prefix: str = "p") -> tuple[str, dict[str, Any]]:
    """`(:p0, :p1)` and its parameters, for IN."""
    named = {f"{prefix}{number}": value for number, value in enumerate(values)}
    return f"({', '.join(f':{name}' for name in named)})", named


def storable(value: str | None) -> str | None:
    r"""Text that every database takes: bytes of file names that are no UTF-8 become `\xNN`, and so does NUL."""
    return value if value is None else clean(value).replace("\0", "\\x00")
