"""Records: what is remembered, in one object. SQLite in the home by default, PostgreSQL by URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from localhai.errors import DiskFull, RecordsUnavailable, UsageError
from localhai.records import times
from localhai.records.access import RecordAccess
from localhai.records.data import DataRecords
from localhai.records.database import Patience
from localhai.records.processes import ProcessRecords
from localhai.records.projects import ProjectRecords
from localhai.records.transitions import ExecutionRecords
from localhai.records.upgrade import bring_up_to_date
from localhai.records.uses import UseRecords
from localhai.system import private
from localhai.system.durable import is_full

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from typing_extensions import Self

    from localhai.records.aliases import AliasRecords
    from localhai.records.database import Database
    from localhai.records.deployments import DeploymentRecords
    from localhai.records.overview import Overview
    from localhai.records.packages import PackageRecords
    from localhai.records.pipelines import PipelineRecords
    from localhai.records.queue import QueueRecords
    from localhai.records.reuse import ReuseRecords
    from localhai.records.sessions import SessionRecords
    from localhai.records.tasks import TaskRecords
    from localhai.records.users import UserRecords
    from localhai.records.variables import VariableRecords
    from localhai.records.version_making import VersionRecords

FILE_NAME = "localhai.db"
Made = TypeVar("Made")


class late(Generic[Made]):  # noqa: N801  # a decorator
    """An attribute that is made when it is first asked for: `localhai run` loads what it needs.

    Not functools.cached_property: before Python 3.12 it holds a lock meanwhile, which a forked child would inherit.
    """

    def __init__(self, make: Callable[[Any], Made]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Made:
        made: Made = instance.__dict__.setdefault(self._name, self._make(instance))
        return made


class Records:
    """The records of one home. Safe for threads and for many processes at once; close it, or use it in `with`.

    Each noun is an attribute: `records.executions.find("latest")`. Their calls raise RecordsUnavailable.
    """

    def __init__(self, access: RecordAccess) -> None:
        self.access = access
        self.projects = ProjectRecords(access)
        self.processes = ProcessRecords(access)
        self.executions = ExecutionRecords(access)
        self.data = DataRecords(access)
        self.uses = UseRecords(access)

    @late
    def aliases(self) -> AliasRecords:
        from localhai.records.aliases import AliasRecords

        return AliasRecords(self.access)

    @late
    def versions(self) -> VersionRecords:
        from localhai.records.version_making import VersionRecords

        return VersionRecords(self.access)

    @late
    def tasks(self) -> TaskRecords:
        from localhai.records.tasks import TaskRecords

        return TaskRecords(self.access)

    @late
    def pipelines(self) -> PipelineRecords:
        from localhai.records.pipelines import PipelineRecords

        return PipelineRecords(self.access)

    @late
    def reuse(self) -> ReuseRecords:
        from localhai.records.reuse import ReuseRecords

        return ReuseRecords(self.access)

    @late
    def deployments(self) -> DeploymentRecords:
        from localhai.records.deployments import DeploymentRecords

        return DeploymentRecords(self.access)

    @late
    def queue(self) -> QueueRecords:
        from localhai.records.queue import QueueRecords

        return QueueRecords(self.access)

    @late
    def users(self) -> UserRecords:
        from localhai.records.users import UserRecords

        return UserRecords(self.access)

    @late
    def overview(self) -> Overview:
        from localhai.records.overview import Overview

        return Overview(self.access)

    @late
    def sessions(self) -> SessionRecords:
        from localhai.records.sessions import SessionRecords

        return SessionRecords(self.access)

    @late
    def variables(self) -> VariableRecords:
        from localhai.records.variables import VariableRecords

        return VariableRecords(self.access)

    @late
    def packages(self) -> PackageRecords:
        from localhai.records.packages import PackageRecords

        return PackageRecords(self.access)

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
        return cls(RecordAccess(database, patience, clock))

    def schema_version(self) -> str:
        """The version of the schema that is in use. Raises RecordsUnavailable."""
        return (
            self.access.patience.call(self.access.database.where, lambda _again: self.access.database.version()) or ""
        )

    def now(self) -> str:
        """The time of this moment as rows have it."""
        return self.access.now()

    def close(self) -> None:
        """Let go of all connections. Closing twice is fine."""
        self.access.database.close()

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

    try:
        private.make_folder(folder)
    except OSError as error:
        if is_full(error):
            raise DiskFull(f"no space left to make {folder}", where=str(folder)) from error
        raise RecordsUnavailable(
            f"the home of localhai cannot be made: {error.strerror}",
            where=str(folder),
            hints=["choose another home by LOCALHAI_HOME"],
        ) from error
