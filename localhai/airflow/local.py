"""Dev mode: executions and pipelines in Docker on this machine, in the shape of the platform's API (wire.md 2.4, 2.9).

Knows no network and no Airflow.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.airflow.platform import OUTPUT_KEYS, Watcher
from localhai.airflow.tries import without_ours
from localhai.app.projects import find
from localhai.errors import UsageError
from localhai.vocabulary import INCOMPLETE, without_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from localhai.airflow.platform import ExecutionRequest, Kind, PipelineRequest
    from localhai.airflow.working import Working
    from localhai.app.open_project import OpenProject
    from localhai.app.projects import Places
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home
    from localhai.records.pipelines import Pipeline

LAST_LINES = 200
SIGNED_FOR = 7 * 24 * 3600  # seconds: the longest that S3 allows
_SAME = ("id", "counter", "step", "duration", "title", "image", "exit_code", "error")


class LocalPlatform:
    """One task's view of this machine. `home` may be given, for instance one with a fake engine."""

    def __init__(self, places: Places, *, home: Home | None = None) -> None:
        self._places = places
        self._given_home = home
        self._working: Working[Any] | None = None

    def run(self, request: ExecutionRequest | PipelineRequest, watcher: Watcher) -> dict[str, Any]:
        """In this process, in a thread of its own. Raises LocalhaiError for what keeps it from starting."""
        from localhai.airflow.running import run
        from localhai.airflow.working import Working, rare_collections

        shape = pipeline_details if request.kind == "pipeline" else execution_details
        with rare_collections(), self.project(request.project, watcher) as project:
            self._working = Working(partial(run, project, request), watcher)
            return shape(self._working.wait())

    def start(self, request: ExecutionRequest | PipelineRequest, watcher: Watcher) -> str:
        """In a process of its own, which outlives the task."""
        from localhai.airflow import running
        from localhai.app.servers import address_of

        with self.project(request.project, watcher) as project:
            key = running.start(project.folder.path, request)
            is_execution = request.kind == "execution"
            watcher.started(key, address_of(project.home, key) if is_execution else None)
            return key

    def details(self, kind: Kind, key: str) -> dict[str, Any]:
        """What a process left behind when it died is looked after: nobody waits for its end in vain."""
        with self._home() as home:
            found = _details(home, kind, key)
            if found["status"] in INCOMPLETE:
                from localhai.app.recover import recover

                recover(home, lambda _text: None)
                found = _details(home, kind, key)
            return found

    def hand_over(self, details: dict[str, Any]) -> dict[str, Any]:
        from localhai.airflow.earlier import HEARD

        with self._home() as home:
            home.records.executions.update(details["id"], **{HEARD: True})
            outputs = [{**item, "url": _url(home, item["id"])} for item in details["outputs"]]
        return {**details, "outputs": outputs}

    def outputs(self, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.details("execution", key)["outputs"]
        return found

    def whole_result(self, key: str, node: str) -> dict[str, Any]:
        with self._home() as home:
            return _whole_result(home, key, node)

    def output_url(self, datum: str) -> str:
        with self._home() as home:
            return _url(home, datum)

    def lines(self, kind: Kind, key: str) -> Sequence[str]:
        if kind == "pipeline":
            return []
        with self._home() as home:
            execution = home.execution(key)
            if not execution.record.folder or not execution.folder.is_dir():
                return []
            events = execution.events(last=LAST_LINES)
            return [event.message for event in events if event.stream != "status"]

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
        from localhai.project.checkout import newest

        return newest(self._folder(project), branch)

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
        watcher.say(f"project {name!r} is {found.folder} ({found.source})")
        folder = find_project(found.folder)
        settings = Settings.load(folder.path)
        if self._given_home is not None:
            yield OpenProject(self._given_home, folder, settings)
            return
        from localhai.app.recover import recover

        with Home(settings, tell=watcher.line) as home:
            recover(home, watcher.say)
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


def execution_details(execution: Execution) -> dict[str, Any]:
    """An execution's JSON shape (docs/json.md) as the platform would give it. Its address is its folder."""
    document, address = execution.to_dict(), execution.folder.absolute().as_uri()
    return {
        **{key: document.get(key) for key in _SAME},
        "status": str(document["status"]),
        "url": address,
        "urls": {"display": address},
        "project": {"id": execution.record.project_id, "name": document["project"]},
        "environment": {"name": document.get("environment") or "this machine"},
        "commit": {"identifier": document.get("commit")},
        "inputs": [
            {"name": item["name"], "urls": [file.get("uri") for file in item.get("files", ())]}
            for item in document.get("inputs", ())
        ],
        "parameters": dict(document.get("parameters") or {}),
        "cumulative_metadata": dict(execution.metadata) if execution.record.folder else {},
        "ctime": document.get("created"),
        "end_time": document.get("finished"),
        "tags": without_ours(document.get("tags")),
        "outputs": [{key: item.get(key) for key in OUTPUT_KEYS} for item in document.get("outputs", ())],
    }


def pipeline_details(record: Pipeline) -> dict[str, Any]:
    """A pipeline's JSON shape (docs/json.md) as the platform would give it."""
    document = record.to_dict()
    return {
        "id": document["id"],
        "counter": document["counter"],
        "status": str(document["status"]),
        "title": document.get("title") or document.get("name"),
        "name": document.get("name"),
        "url": None,
        "urls": {"display": None},
        "project": {"id": record.project_id, "name": record.project},
        "nodes": [
            {key: node.get(key) for key in ("name", "type", "status", "execution", "task") if key in node}
            for node in document.get("nodes", ())
        ],
        "tags": without_ours(document.get("tags")),
        "error": document.get("error"),
    }


def _details(home: Home, kind: Kind, key: str) -> dict[str, Any]:
    if kind == "pipeline":
        return pipeline_details(home.records.pipelines.get(key))
    execution = home.execution(key)
    if execution.id != key:
        raise UsageError(f"there is no execution {key}")
    return execution_details(execution)


def _url(home: Home, datum: str) -> str:
    """Of the file itself, or signed where the store is an S3."""
    record = home.records.data.get(datum)
    if record.uri.startswith("s3://"):
        from localhai.data.sources.s3 import S3Source
        from localhai.data.uri import parse

        source = S3Source(home.sources_for(home.settings).s3_clients())
        return source.presigned(parse(record.uri), SIGNED_FOR)
    return Path(record.path).absolute().as_uri() if record.path else record.uri


def _whole_result(home: Home, key: str, node: str) -> dict[str, Any]:
    """What the node of a pipeline of one node came to, in the shape of an execution's XCom."""
    found = next(item for item in home.records.pipelines.get(key).nodes if item.name == node)
    known: dict[str, Any] = {"status": found.status, "error": found.document.get("reason")}
    if found.task is not None:
        from localhai.app.nodes.task import task_result
        from localhai.tasks.task import Task

        result = task_result(home, Task(home, home.records.tasks.get(str(found.task["id"]))))
        known |= {
            "outputs": [{"name": name, "id": without_scheme(uri), "uri": uri} for name, uri in result.outputs],
            "cumulative_metadata": dict(result.metadata),
            "parameters": dict(result.parameters),
            "inputs": [{"name": name, "urls": list(uris)} for name, uris in result.inputs.items()],
        }
    deployment = found.document.get("deployment")
    return {**known, "deployment": dict(deployment)} if deployment else known
