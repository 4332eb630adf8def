"""Dev mode: executions and pipelines in Docker on this machine. Knows no network and no Airflow."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.airflow import shapes
from localhai.airflow.platform import Watcher, kind_of
from localhai.airflow.projects import find
from localhai.airflow.request import PipelineRequest
from localhai.errors import UsageError
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from localhai.airflow.platform import Kind
    from localhai.airflow.projects import Places
    from localhai.airflow.request import ExecutionRequest
    from localhai.airflow.working import Working
    from localhai.app.open_project import OpenProject
    from localhai.executions.home import Home

LAST_LINES = 200
SIGNED_FOR = 7 * 24 * 3600  # seconds: the longest that S3 allows


class LocalPlatform:
    """One task's view of this machine. `home` may be given, for instance one with a fake engine."""

    def __init__(self, places: Places, *, home: Home | None = None) -> None:
        self._places = places
        self._given_home = home
        self._working: Working[Any] | None = None

    def run(self, request: ExecutionRequest | PipelineRequest, watcher: Watcher) -> dict[str, Any]:
        """In this process, in a thread of its own. Raises LocalhaiError for what keeps it from starting."""
        from localhai.airflow.working import Working, rare_collections

        with rare_collections(), self.project(request.project, watcher) as project:
            home = project.home

            def work(tell: Callable[[str, Any], None], interruption: Any) -> str:
                if isinstance(request, PipelineRequest):
                    from localhai.airflow.local_pipeline import run_pipeline

                    return run_pipeline(project, request, tell, interruption)
                from localhai.airflow.local_run import run_execution

                return run_execution(project, request, tell, interruption)

            def hear(kind: str, value: Any) -> None:
                if kind == "started":
                    watcher.started(value["id"], _address(home, kind_of(request), value["id"]))
                else:
                    watcher.line(value)

            self._working = Working(work)
            key = self._working.wait(hear)
            return _details(home, kind_of(request), key)

    def start(self, request: ExecutionRequest | PipelineRequest, watcher: Watcher) -> str:
        """In a process of its own, which outlives the task."""
        from localhai.airflow.detached import start

        with self.project(request.project, watcher) as project:
            key = start(project.folder.path, request)
            watcher.started(key, _address(project.home, kind_of(request), key))
            return key

    def details(self, kind: Kind, key: str) -> dict[str, Any]:
        """What a process left behind when it died is looked after: nobody waits for its end in vain."""
        with self._home() as home:
            found = _details(home, kind, key)
            if found["status"] not in INCOMPLETE:
                return found
            _recover(home, lambda _text: None)
            return _details(home, kind, key)

    def outputs(self, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.details("execution", key)["outputs"]
        return found

    def whole_result(self, key: str, node: str) -> dict[str, Any]:
        from localhai.airflow.local_whole import whole_result

        with self._home() as home:
            return whole_result(home, key, node)

    def output_url(self, datum: str) -> str:
        """Of the file itself, or signed where the store is an S3."""
        with self._home() as home:
            record = home.records.data.get(datum)
            if record.uri.startswith("s3://"):
                from localhai.data.sources.s3 import S3Source
                from localhai.data.uri import parse

                source = S3Source(home.sources_for(home.settings).s3_clients())
                return source.presigned(parse(record.uri), SIGNED_FOR)
            return Path(record.path).absolute().as_uri() if record.path else record.uri

    def lines(self, kind: Kind, key: str) -> Sequence[str]:
        if kind == "pipeline":
            return []
        with self._home() as home:
            execution = home.execution(key)
            if not execution.record.folder or not execution.folder.is_dir():
                return []
            events = execution.events(last=LAST_LINES)
            return list(deque((event.message for event in events if event.stream != "status"), LAST_LINES))

    def heard(self, kind: Kind, key: str) -> None:
        if kind == "execution":
            from localhai.airflow.attaching import HEARD

            with self._home() as home:
                home.records.executions.update(key, **{HEARD: True})

    def stop(self, kind: Kind, key: str) -> None:
        from localhai.app.stop import stop_execution, stop_pipeline

        with self._home() as home:
            if kind == "pipeline":
                stop_pipeline(home, key)
            else:
                stop_execution(home, home.records.executions.get(key))

    def running(self, project: str) -> list[tuple[Kind, str, Sequence[str]]]:
        with self._home() as home:
            executions = home.records.executions.list_open(project_id=project)
            pipelines = home.records.pipelines.list_open(project_id=project)
        found: list[tuple[Kind, str, Sequence[str]]] = []
        found += [("execution", row.id, row.tags) for row in executions if row.stop_requested is None]
        found += [("pipeline", row.id, row.document.get("tags", ())) for row in pipelines if row.stop_requested is None]
        return found

    def project_id(self, name: str) -> str:
        with self.project(name, Watcher()) as project:
            return project.record.id

    def fetch(self, project: str) -> dict[str, Any]:
        """Nothing: commits are read from the project's own repository when they are asked for."""
        self._folder(project)
        return {"commits": [], "errors": []}

    def repository_id(self, project: str) -> str:
        """The project's own id: here each has the repository that its folder is in."""
        self._folder(project)
        return project

    def newest_commit(self, project: str, branch: str) -> str:
        from localhai.airflow.local_run import head_of

        return head_of(self._folder(project), branch)

    def add_tags(self, key: str, tags: Sequence[str]) -> None:
        with self._home() as home:
            record = home.execution(key).record
            home.records.executions.update(record.id, tags=list(dict.fromkeys([*record.tags, *tags])))

    def stop_current(self) -> None:
        if self._working is not None:
            self._working.stop()

    @contextmanager
    def project(self, name: str, watcher: Watcher) -> Iterator[OpenProject]:
        """The project of this name, opened; what earlier tasks left behind when they died is looked after."""
        from localhai.app.open_project import OpenProject
        from localhai.executions.home import Home
        from localhai.project.folder import find_project
        from localhai.settings import Settings

        found = find(name, self._places)
        watcher.line(f"localhai: project {name!r} is {found.folder} ({found.source})")
        folder = find_project(found.folder)
        settings = Settings.load(folder.path)
        if self._given_home is not None:
            yield OpenProject(self._given_home, folder, settings)
            return
        with Home(settings, tell=watcher.line) as home:
            _recover(home, watcher.line)
            yield OpenProject(home, folder, settings)

    def _folder(self, project: str) -> Path:
        with self._home() as home:
            for record in home.records.projects.list():
                if record.id == project:
                    return Path(record.path)
        raise UsageError(f"there is no project {project}", hints=["get_project_id gives the id of a project's name"])

    @contextmanager
    def _home(self) -> Iterator[Home]:
        if self._given_home is not None:
            yield self._given_home
            return
        from localhai.executions.home import Home

        with Home() as home:
            yield home


def known_projects() -> list[tuple[str, str]]:
    """Name and folder of every project that ran on this machine. Raises LocalhaiError."""
    from localhai.executions.home import Home

    with Home() as home:
        return [(project.name, project.path) for project in home.records.projects.list()]


def _recover(home: Home, say: Callable[[str], None]) -> None:
    """As every command does."""
    from localhai.app.recover import recover

    recover(home, lambda text: say(f"localhai: {text}"))


def _address(home: Home, kind: Kind, key: str) -> str | None:
    return home.execution(key).folder.absolute().as_uri() if kind == "execution" else None


def _details(home: Home, kind: Kind, key: str) -> dict[str, Any]:
    if kind == "pipeline":
        record = home.records.pipelines.get(key)
        return shapes.pipeline_details(record.to_dict(), project_id=record.project_id, project=record.project)
    execution = home.execution(key)
    if execution.id != key:
        raise UsageError(f"there is no execution {key}")
    metadata = execution.metadata if execution.record.folder else {}
    return shapes.local_details(
        execution.to_dict(), project_id=execution.record.project_id, folder=execution.folder, metadata=metadata
    )
