"""Records: what is remembered, in one object. SQLite in the home by default, PostgreSQL by URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from localhai.errors import DiskFull, RecordsUnavailable, UsageError
from localhai.records import times
from localhai.records.data import DataRecords
from localhai.records.database import Patience
from localhai.records.deployments import DeploymentRecords
from localhai.records.executions import ExecutionRecords
from localhai.records.pipelines import PipelineRecords
from localhai.records.processes import ProcessRecords
from localhai.records.projects import ProjectRecords
from localhai.records.reuse import ReuseRecords
from localhai.records.tasks import TaskRecords
from localhai.records.upgrade import bring_up_to_date
from localhai.records.uses import UseRecords
from localhai.records.versions import VersionRecords
from localhai.system import private

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from typing_extensions import Self

    from localhai.records.database import Database

FILE_NAME = "localhai.db"


class Records(
    ProjectRecords,
    ProcessRecords,
    ExecutionRecords,
    DataRecords,
    UseRecords,
    VersionRecords,
    TaskRecords,
    PipelineRecords,
    ReuseRecords,
    DeploymentRecords,
):
    """The records of one home. Safe for threads and for many processes at once; close it, or use it in `with`."""

    @classmethod
    def open(
        cls,
        home: Path,
        database_url: str | None = None,
        *,
        patience: Patience | None = None,
        clock: Callable[[], datetime] = times.now,
    ) -> Records:
        """Open the records, made or upgraded if need be.

        `database_url` is `postgresql://...`, `sqlite:///PATH` or None for HOME/localhai.db. Raises
        RecordsUnavailable when the database is unreachable, damaged, read-only or of a newer localhai, DiskFull, and
        UsageError for a URL that cannot be meant.
        """
        patience = patience or Patience()
        database = _database(home, database_url)
        try:
            patience.call(database.where, lambda _again: bring_up_to_date(database))
        except BaseException:
            database.close()
            raise
        return cls(database, patience, clock)

    def schema_version(self) -> str:
        """The version of the schema that is in use. Raises RecordsUnavailable."""
        return self._patience.call(self._database.where, lambda _again: self._database.version()) or ""

    def close(self) -> None:
        """Let go of all connections. Closing twice is fine."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _database(home: Path, url: str | None) -> Database:
    if url is None or url.startswith("sqlite:///"):
        from localhai.records.sqlite import SqliteDatabase

        path = home / FILE_NAME if url is None else Path(url.removeprefix("sqlite:///"))
        _make_folder(path.parent)
        return SqliteDatabase(path)
    if url.startswith(("postgresql", "postgres:")):
        from localhai.records.postgresql import PostgresqlDatabase

        return PostgresqlDatabase(url)
    raise UsageError(
        f"records cannot be kept in {url.split(':', 1)[0]!r}",
        where="LOCALHAI_DATABASE_URL",
        hints=["known: postgresql://USER:PASSWORD@HOST:PORT/DATABASE and sqlite:///PATH"],
    )


def _make_folder(folder: Path) -> None:
    import errno

    try:
        private.make_folder(folder)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(f"no space left to make {folder}", where=str(folder)) from error
        raise RecordsUnavailable(
            f"the home of localhai cannot be made: {error.strerror}",
            where=str(folder),
            hints=["choose another home by LOCALHAI_HOME"],
        ) from error
