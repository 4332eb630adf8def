"""PostgreSQL through SQLAlchemy Core 1.4 or 2, by psycopg2 or psycopg, whichever is installed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from localhai.errors import DiskFull, RecordsUnavailable, UsageError
from localhai.records.database import Away
from localhai.records.silence import break_silence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.exc import DBAPIError

    from localhai.records.database import Dialect, Row

CONNECT_SECONDS = 10

_UPGRADE_LOCK = 0x6C6F63616C686169  # "localhai": one number for all, so that two upgrades wait for each other
_URL_FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"

# SQLSTATE: what passes by itself. Without a SQLSTATE the connection broke, or never was.
_PASSING = {
    "40001": "serialization failure",
    "40P01": "deadlock",
    "55P03": "lock not available",
    "53300": "too many connections",
    "25006": "read-only while another server takes over",
    "57P01": "shutting down",
    "57P02": "crashed",
    "57P03": "starting up",
    "57P05": "idle for too long",
    "57014": "cancelled: by an administrator, or by a timeout of the server",
    "25P03": "idle for too long in a transaction",
    "25P04": "a transaction that took too long",
    "53000": "insufficient resources",
    "53200": "out of memory",
    "58000": "a failure of its machine",
    "58030": "a failure of its disk",
}
_CONNECTION_EXCEPTION = "08"
_DISK_FULL = "53100"
_NO_RIGHT = "42501"
# Answers to a connection attempt carry no SQLSTATE in psycopg2. These do not pass by themselves.
_REFUSED = ("authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied", "not permitted")


class PostgresqlTransaction:
    """See database.Transaction."""

    def __init__(self, connection: Connection) -> None:
        from sqlalchemy import text

        self._connection = connection
        self._text = text

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        result = self._connection.execute(self._text(sql), dict(parameters or {}))
        return [dict(row) for row in result.mappings()]

    def change(self, sql: str, parameters: Mapping[str, Any]) -> int:
        return self._connection.execute(self._text(sql), dict(parameters)).rowcount

    def change_many(self, sql: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        if parameters:  # SQLAlchemy takes an empty list for a change without parameters
            self._connection.execute(self._text(sql), [dict(item) for item in parameters])


class PostgresqlDatabase:
    """See database.Database. Connections are pooled, and never shared over a fork."""

    def __init__(self, url: str) -> None:
        """Does not connect. Raises UsageError for a URL that is none, RecordsUnavailable without a driver."""
        parsed = _parsed(url)
        self.dialect: Dialect = "postgresql"
        self.where = parsed.render_as_string(hide_password=True)
        self._engine = _engine(parsed)
        self._process = os.getpid()

    @contextmanager
    def begin(self, *, write: bool) -> Iterator[PostgresqlTransaction]:
        del write  # rows are locked one by one here
        with self._translated(), self._of_this_process().begin() as connection:
            yield PostgresqlTransaction(connection)

    def version(self) -> str | None:
        with self.begin(write=False) as transaction:
            if transaction.rows("SELECT to_regclass('localhai_version') AS found")[0]["found"] is None:
                return None
            found = transaction.rows("SELECT version_num FROM localhai_version")
            return str(found[0]["version_num"]) if found else None

    def upgrade(self) -> None:
        from sqlalchemy import text

        from localhai.records.upgrade import run_migrations

        with self._translated(), self._of_this_process().begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            run_migrations(connection)

    def close(self) -> None:
        self._engine.dispose()

    def _of_this_process(self) -> Engine:
        if self._process != os.getpid():
            self._engine.dispose(close=False)  # the connections are the parent's
            self._process = os.getpid()
        return self._engine

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from sqlalchemy import exc

        try:
            yield
        except exc.TimeoutError as error:  # of the pool
            raise Away(str(error)) from error
        except exc.DBAPIError as error:
            raise _translate(error, self.where) from error


def _parsed(url: str) -> URL:
    from sqlalchemy import exc
    from sqlalchemy.engine import make_url

    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError) as error:  # a port that is no number is a ValueError
        raise UsageError(
            "the URL of the records' database cannot be read", where="LOCALHAI_DATABASE_URL", hints=[_URL_FORM]
        ) from error
    return parsed.set(drivername=_driver()) if parsed.drivername in {"postgresql", "postgres"} else parsed


def _driver() -> str:
    """The SQLAlchemy driver name. SQLAlchemy 1.4 knows psycopg2 only."""
    import sqlalchemy

    if find_spec("psycopg2"):
        return "postgresql+psycopg2"
    if find_spec("psycopg") and not sqlalchemy.__version__.startswith("1."):
        return "postgresql+psycopg"
    raise RecordsUnavailable(
        "records in PostgreSQL need a driver, and none is installed",
        where="LOCALHAI_DATABASE_URL",
        hints=["pip install 'localhai[postgresql]'"],
    )


def _engine(url: URL) -> Engine:
    from sqlalchemy import create_engine, exc

    options: dict[str, Any] = {"max_overflow": 50, "future": True}
    if url.drivername == "postgresql+psycopg2":
        options["executemany_mode"] = "values_plus_batch"  # thousands of data in a few round trips
    if "connect_timeout" not in url.query:
        options["connect_args"] = {"connect_timeout": CONNECT_SECONDS}
    try:
        engine = create_engine(url, **options)
    except (exc.NoSuchModuleError, ImportError) as error:
        raise RecordsUnavailable(
            f"the driver {url.drivername} is not installed",
            where="LOCALHAI_DATABASE_URL",
            hints=["write postgresql:// and `pip install 'localhai[postgresql]'`"],
        ) from error
    break_silence(engine)
    return engine


def _translate(error: DBAPIError, where: str) -> Exception:
    """What an error of PostgreSQL means for a person."""
    from sqlalchemy import exc

    said = " ".join(str(error.orig).split())
    code = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None)
    if code == _DISK_FULL:
        return DiskFull(f"no space left in the database of records: {said}", where=where)
    if code == _NO_RIGHT:
        return RecordsUnavailable(
            f"the database of records does not let this user: {said}",
            where=where,
            hints=["the user needs to own a schema: GRANT ALL ON SCHEMA public TO ..."],
        )
    if any(words in said for words in _REFUSED) and _connecting(error):
        return RecordsUnavailable(
            f"the database of records refuses: {said}", where=where, hints=["check LOCALHAI_DATABASE_URL"]
        )
    broken = error.connection_invalidated or (code is None and _connecting(error))
    if broken or code in _PASSING or (code or "").startswith(_CONNECTION_EXCEPTION):
        return Away(said)
    if _connecting(error) or isinstance(error, exc.InternalError):  # the server's trouble, and no mistake of ours
        return RecordsUnavailable(f"the database of records cannot do what was asked of it: {said}", where=where)
    return error


def _connecting(error: DBAPIError) -> bool:
    from sqlalchemy import exc

    return isinstance(error, (exc.OperationalError, exc.InterfaceError))
