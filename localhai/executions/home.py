"""Home: LOCALHAI_HOME opened. What executions share: records, caches, the store, one engine; each made when needed."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from localhai.errors import DiskFull, SurroundingsError
from localhai.settings import Settings
from localhai.system import private
from localhai.system.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from localhai.containers.engine import Engine
    from localhai.data.cache import Cache
    from localhai.data.sources import DataSources
    from localhai.data.store import Store
    from localhai.executions.execution import Execution
    from localhai.records import Owner, Records


T = TypeVar("T")
ID = "home-id"  # its file


class Home:
    """Everything of one LOCALHAI_HOME. Thread-safe: one Home may run many executions at once.

    `engine` may be given, for instance `localhai.testing.FakeEngine`; otherwise the Docker Engine is looked for when
    it is first needed. Without `settings` they are read from variables. `tell` hears, from any thread, what is waited
    for: a database of records that does not answer, a store
    that is away. A context manager. Where its folder cannot be made or written to,
    what needs it raises SurroundingsError (`ready`): plans do not.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        engine: Engine | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings or Settings.load()
        self.folder: Path = self.settings.home
        self.tell = tell
        self.given_engine = engine  # for homes beside this one
        self._lock = threading.RLock()
        self._made: dict[str, Any] = {}
        renew_after_fork(self)
        self._mended = False
        with suppress(SurroundingsError):  # said as soon as something is to be written
            self.ready()

    def renew(self) -> None:
        """In a forked child: the thread that gives signs of life is the parent's, and of the parent."""
        self._lock = threading.RLock()
        self._made.pop("signs", None)

    def __enter__(self) -> Home:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections. Running executions must have ended."""
        with self._lock:
            for made in reversed(self._made.values()):
                if hasattr(made, "close"):
                    made.close()
            self._made.clear()

    @property
    def id(self) -> str:
        """What tells this home from others that share its records or its engine. Raises SurroundingsError, OSError."""

        def make() -> str:
            self.ready()
            from localhai.records.ids import new_id

            return private.kept(self.folder / ID, f"{new_id()}\n".encode)[0].decode().strip()

        return self._once("id", make)

    @property
    def is_used(self) -> bool:
        """Whether something may be recorded of it: asking makes no records."""
        from localhai.records.records import FILE_NAME

        return bool(self.settings.database_url) or (self.folder / FILE_NAME).exists()

    def has_made(self, home_id: str | None) -> bool | None:
        """Whether what names this home as its maker is of this one; None: it names none, as what is old does."""
        return None if home_id is None else self.known_id == home_id

    @property
    def known_id(self) -> str | None:
        """`id` without making one: None has made nothing yet that names a home."""
        try:
            return (self.folder / ID).read_text().strip()
        except OSError:
            return None

    @property
    def records(self) -> Records:
        """What is remembered. Raises RecordsUnavailable."""

        def make() -> Records:
            self.ready()
            from localhai.records import Patience, Records

            return Records.open(self.folder, self.settings.database_url, patience=Patience(tell=self.tell))

        return self._once("records", make)

    def own(self, *, at_once: bool = False) -> Owner:
        """The process that asks, as the owner of what is recorded next; from now on it gives signs of life.

        `at_once`: what it is to own had another owner before. Raises RecordsUnavailable.
        """
        from localhai.executions.run.heartbeat import Heartbeat, own_owner

        owner = own_owner()
        signs = self._once("signs", lambda: Heartbeat(self.records, owner, timeout=self.settings.host_timeout))
        if at_once or self.settings.database_url:  # other machines may look
            signs.now()
        return owner

    @property
    def engine(self) -> Engine:
        """The engine. Raises EngineNotFound, naming every place tried."""

        def make() -> Engine:
            from localhai.containers.docker.connect import connect

            return connect()

        return self.given_engine or self._once("engine", make)

    def sources_for(self, settings: Settings) -> DataSources:
        """Clients for inputs, shared by all executions with the same S3."""

        def make() -> DataSources:
            from localhai.data.sources import DataSources
            from localhai.system.retry import Retry

            retry = Retry(patience=settings.patience)
            return DataSources(s3_folder=settings.s3_folder, s3_endpoint_url=settings.s3_endpoint_url, retry=retry)

        return self._once(f"sources {settings.s3_folder} {settings.s3_endpoint_url} {settings.patience}", make)

    @property
    def data_cache(self) -> Cache:
        """Downloaded inputs by content."""

        def make() -> Cache:
            self.ready()
            from localhai.data.cache import Cache

            return Cache(self.folder)

        return self._once("data_cache", make)

    @property
    def store(self) -> Store:
        """Where outputs are kept: `[store] url`, else a folder of the home. Raises SurroundingsError."""

        def make() -> Store:
            self.ready()
            from localhai.data.store import open_store
            from localhai.system.retry import Waiter

            waiter = Waiter(self.tell) if self.tell is not None else Waiter()
            sources = self.sources_for(self.settings)
            return open_store(self.settings.store or self.folder / "store", sources=sources, waiter=waiter)

        return self._once("store", make)

    def _once(self, name: str, make: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            found: T = self._made[name]
            return found

    @property
    def code_cache(self) -> Path:
        """Code snapshots by identifier. Raises SurroundingsError where none can be made."""
        self.ready()
        return self.folder / "cache" / "code"

    def execution(self, reference: str, *, project_id: str | None = None) -> Execution:
        """An execution by `5`, `#5`, `latest`, id or unambiguous prefix. Raises UsageError."""
        from localhai.executions.execution import Execution

        return Execution(self, self.records.executions.find(reference, project_id))

    def executions(self, *, project_id: str | None = None, limit: int = 100) -> Sequence[Execution]:
        """Executions of one project, or of all, newest first, at most `limit`."""
        from localhai.executions.execution import Execution

        return [Execution(self, row) for row in self.records.executions.list(project_id=project_id, limit=limit)]

    def ready(self) -> None:
        """Make its folder, if need be. Raises SurroundingsError when that cannot be, or it cannot be written to."""
        folder = self.folder
        try:
            private.make_folder(folder)
        except OSError as error:
            from localhai.system.durable import is_full

            if is_full(error):
                raise DiskFull(f"{folder} cannot be made: no space left", where=str(folder)) from error
            reason = "a file stands there" if isinstance(error, FileExistsError) else error.strerror
            raise SurroundingsError(
                f"{folder} cannot be made: {reason}",
                where=str(folder),
                hints=["set LOCALHAI_HOME to a folder that you may write to"],
            ) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise SurroundingsError(
                f"{folder} cannot be written to",
                where=str(folder),
                hints=["set LOCALHAI_HOME to a folder that you may write to"],
            )
        self._mend()

    def _mend(self) -> None:
        """What an earlier version let other users of this machine read, once for each Home that is opened."""
        if self._mended:
            return
        self._mended = True
        found = private.mend(self.folder)
        if found and self.tell is not None:
            self.tell(f"other users of this machine could read {', '.join(found)}: now only you can")
