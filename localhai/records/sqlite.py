"""SQLite through the standard library: write-ahead log, short transactions, any number of processes at once."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.errors import DiskFull, LocalhaiError, RecordsUnavailable
from localhai.records.database import Away
from localhai.records.upgrade import VERSIONS
from localhai.system import private
from localhai.system.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from localhai.records.database import Dialect, Row

BUSY_SECONDS = 5.0
SCHEMA = Path(__file__).with_name("schema.sql")  # of a new database

_VERSION_TABLE = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'localhai_version'"


def connect(path: Path) -> sqlite3.Connection:
    """A connection that begins and ends transactions only when told to, usable by one thread at a time."""
    private.make_file(path)  # its log and its index take over the mode
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


class SqliteTransaction:
    """See database.Transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        cursor = self._connection.execute(sql, parameters or {})
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def change(self, sql: str, parameters: Mapping[str, Any]) -> int:
        return self._connection.execute(sql, parameters).rowcount

    def change_many(self, sql: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        self._connection.executemany(sql, parameters)


class SqliteDatabase:
    """See database.Database. Idle connections are kept and handed to one thread at a time, never over a fork."""

    def __init__(self, path: Path) -> None:
        self.dialect: Dialect = "sqlite"
        self.path = path
        self.where = str(path)
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._parents: list[sqlite3.Connection] = []
        self._closed = False
        renew_after_fork(self)

    def renew(self) -> None:
        """In a forked child."""
        self._lock = threading.Lock()
        self._parents.extend(self._idle)  # SQLite forbids even closing them here
        self._idle = []

    @contextmanager
    def begin(self, *, write: bool) -> Iterator[SqliteTransaction]:
        with self._translated():
            connection = self._take()
            try:
                # IMMEDIATE waits for the write lock here, where nothing is done yet, instead of failing in the middle.
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                yield SqliteTransaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                connection.close()  # rolls back; whatever state it was in is gone with it
                raise
            self._give_back(connection)

    def version(self) -> str | None:
        with self._translated():
            connection = self._take()
            try:
                found: str | None = None
                if connection.execute(_VERSION_TABLE).fetchone()[0]:
                    row = connection.execute("SELECT version_num FROM localhai_version").fetchone()
                    found = row[0] if row else None
            except BaseException:
                connection.close()
                raise
            self._give_back(connection)
            return found

    def upgrade(self) -> None:
        if not self._made():
            self.migrate()

    def _made(self) -> bool:
        """Whether an empty database has its schema now: made at once, since loading Alembic takes long."""
        with self._translated():
            connection = self._take()
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("BEGIN IMMEDIATE")
                empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
                for statement in SCHEMA.read_text(encoding="utf-8").split(";\n") if empty else ():
                    connection.execute(statement)
                connection.execute("COMMIT")
            except BaseException:
                connection.close()
                raise
            self._give_back(connection)
        return self.version() == VERSIONS[-1]

    def migrate(self) -> None:
        """Run the migrations that are missing; an empty database has none."""
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        from localhai.records.upgrade import run_migrations

        with self._translated():
            engine = create_engine("sqlite://", creator=lambda: connect(self.path), poolclass=NullPool, future=True)
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                run_migrations(connection)
                connection.commit()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return connect(self.path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _translate(error, self.path) from error
        except Exception as error:
            cause = getattr(error, "orig", None)  # SQLAlchemy wraps it during an upgrade
            if isinstance(cause, sqlite3.Error):
                raise _translate(cause, self.path) from error
            raise


def _translate(error: sqlite3.Error, path: Path) -> Exception:
    """What an error of SQLite means for a person. Python 3.10 has no error codes, so its words are looked at."""
    said = str(error)
    if "locked" in said or "disk I/O error" in said:
        return Away(said)
    for words, make in _MEANINGS.items():
        if words in said:
            return make(path)
    return error


def _full(path: Path) -> LocalhaiError:
    return DiskFull(
        f"no space left for the records in {path}",
        where=str(path),
        hints=["make room, for instance with `localhai clean --cache`"],
    )


def _damaged(path: Path) -> LocalhaiError:
    return RecordsUnavailable(
        f"{path} is damaged, or no database of localhai",
        where=str(path),
        hints=[
            f"move it away (`mv {path} {path}.damaged`) and localhai starts a new one",
            "logs and outputs are not in it and stay in the folder executions beside it",
            f'`sqlite3 {path}.damaged ".recover"` prints what can still be read',
        ],
    )


def _read_only(path: Path) -> LocalhaiError:
    return RecordsUnavailable(
        f"localhai cannot write its records to {path}",
        where=str(path),
        hints=[
            f"check who owns {path.parent} and whether the disk is mounted read-only",
            "or choose another home by LOCALHAI_HOME",
        ],
    )


_MEANINGS = {
    "disk is full": _full,
    "not a database": _damaged,
    "malformed": _damaged,
    "readonly": _read_only,
    "unable to open": _read_only,
}
