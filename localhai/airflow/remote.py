"""Remote mode: executions and pipelines on the real platform, by its REST API (wire.md 3 and 5.2)."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from localhai.airflow.platform import DEFAULT_BRANCH, OUTPUT_KEYS, ExecutionRequest, PipelineRequest, Watcher
from localhai.airflow.rest import RestClient, address_of
from localhai.airflow.tries import claim, without_ours
from localhai.errors import LocalhaiError, SurroundingsError, UsageError
from localhai.system import strict_json
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from localhai.airflow.platform import Kind, Mode
    from localhai.airflow.tries import Claim

MANY = 10000
NEWEST = 100  # rows among which what runs is looked for
PAGE = 100
EVENTS = 1000  # lines of an execution asked for at a time
_RUNNING = INCOMPLETE - {"stopping"}


class RemotePlatform:
    """One task's view of the platform. `interval` is seconds between looks at what runs."""

    def __init__(
        self, client: RestClient, *, interval: float = 30.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.client = client
        self._interval = interval
        self._sleep = sleep
        self._current: tuple[Kind, str] | None = None

    @classmethod
    def of_connection(cls, mode: Mode, connection: Any, *, interval: float) -> RemotePlatform:
        """By an Airflow connection: host, port, password, and `verify` of its extra. Raises UsageError."""
        if mode.is_dev:
            raise UsageError("in dev mode nothing reaches the platform")
        if not connection.password:
            raise UsageError("the connection has no password", hints=["put an API token into it"])
        verify = connection.extra_dejson.get("verify", True)
        address = address_of(connection.host, connection.port, connection.schema)
        return cls(RestClient(address, connection.password, verify=verify), interval=interval)

    @property
    def address(self) -> str:
        """`https://HOST`."""
        return self.client.address

    def who_am_i(self) -> str:
        """The user of the token, in words."""
        user = self.client.get("users/me/")
        return f"{self.address} knows the token as {user.get('username')}"

    def run(self, request: ExecutionRequest | PipelineRequest, watcher: Watcher) -> dict[str, Any]:
        key = self.start(request, watcher)
        return self.wait(request.kind, key, watcher)

    def wait(self, kind: Kind, key: str, watcher: Watcher) -> dict[str, Any]:
        """Look again and again until it has ended; tells the lines of its log as they come."""
        self._current = (kind, key)
        told: set[tuple[str, ...]] = set()
        while True:
            self._sleep(self._interval)
            details = self.details(kind, key)
            if kind == "execution":
                self._tell_events(key, told, watcher)
            if details.get("status") not in INCOMPLETE:
                self._current = None
                return details
            watcher.say(f"{kind} #{details.get('counter')} is {details['status']}")

    def start(self, request: ExecutionRequest | PipelineRequest, watcher: Watcher) -> str:
        project = self.project_id(request.project)
        commit = request.commit or self._fetched_commit(project, request.branch or DEFAULT_BRANCH, watcher)
        mine = claim(request.last_try, code=commit, asked=asked_of(request))
        left = None
        if request.again and request.origin:
            left = self._left_running(request.kind, project, request.origin, mine, watcher)
        tags = mine.tags(request)
        if left is not None:
            made: Any = left
        elif isinstance(request, PipelineRequest):
            made = self.client.post("pipelines/", self._pipeline_body(request, project, commit, tags))
        else:
            made = self.client.post("executions/", execution_body(request, project, commit, tags))
        try:
            key, url = str(made["id"]), made["urls"]["display"]
        except (TypeError, KeyError) as error:
            raise SurroundingsError(f"{self.address} answered with something that is no {request.kind}") from error
        self._current = (request.kind, key)
        watcher.started(key, url)
        if request.tags and not left and request.kind == "execution":
            self.add_tags(key, tags)
        return key

    def details(self, kind: Kind, key: str) -> dict[str, Any]:
        """Without the tag by which tries of a task find one another."""
        found: dict[str, Any] = self.client.get(f"{kind}s/{key}/")
        if isinstance(found.get("tags"), list):
            found["tags"] = without_ours(found["tags"])
        return found

    def hand_over(self, details: dict[str, Any]) -> dict[str, Any]:
        """The platform need not know; outputs as the original plugin gives them."""
        found = self.outputs(details["id"])
        outputs = [
            {**{key: item.get(key) for key in OUTPUT_KEYS}, "url": self.output_url(item["id"])} for item in found
        ]
        return {**details, "outputs": outputs}

    def outputs(self, key: str) -> list[dict[str, Any]]:
        return list(self.client.pages("data/", output_execution=key, limit=PAGE))

    def whole_result(self, key: str, node: str) -> dict[str, Any]:
        """Of a task node the outputs of all its executions in order; which fields name a version is unconfirmed."""
        found = next(item for item in self.details("pipeline", key)["nodes"] if item.get("name") == node)
        known = {"status": found.get("status"), "error": found.get("error"), "deployment": found.get("deployment")}
        task = found.get("task")
        if not task:
            return known
        from localhai.tasks.rules import Part, gather

        task_id = task["id"] if isinstance(task, dict) else task
        children = {int(item["counter"]): item for item in self.client.pages("executions/", task=task_id)}
        whole = gather(
            Part(
                number,
                str(item.get("status")),
                metadata=item.get("cumulative_metadata") or {},
                parameters=item.get("parameters") or {},
                outputs=self.outputs(str(item["id"])) if item.get("status") == "complete" else (),
            )
            for number, item in children.items()
        )
        return {
            **known,
            "outputs": list(whole.outputs),
            "cumulative_metadata": dict(whole.metadata),
            "parameters": dict(whole.parameters),
            "inputs": list((children[whole.first].get("inputs") if whole.first is not None else None) or ()),
        }

    def output_url(self, datum: str) -> str:
        return str(self.client.get(f"data/{datum}/download/")["url"])

    def lines(self, kind: Kind, key: str) -> Sequence[str]:
        """Of an execution; none where the platform does not give them, which must not hide why it failed."""
        if kind == "pipeline":
            return []
        try:
            return [str(event["message"]) for event in self._events(key) if event.get("stream") != "status"]
        except LocalhaiError:
            return []

    def stop(self, kind: Kind, key: str) -> None:
        self.client.post(f"{kind}s/{key}/stop/")

    def stop_current(self) -> None:
        """Asked at once; the platform ends the container."""
        if self._current is not None:
            current, self._current = self._current, None
            self.stop(*current)

    def running(self, project: str) -> Iterator[tuple[Kind, str, Sequence[str]]]:
        kinds: tuple[Kind, ...] = ("execution", "pipeline")
        for kind in kinds:
            rows: list[dict[str, Any]] = []
            with suppress(UsageError):  # a token may not see them all
                rows = self._newest(kind, project)
            for row in rows:
                if row.get("status") in _RUNNING:
                    yield kind, str(row["id"]), row.get("tags") or ()

    def _newest(self, kind: Kind, project: str) -> list[dict[str, Any]]:
        """Whatever their status."""
        found = self.client.get(f"{kind}s/", project=project, ordering="-counter", limit=NEWEST)
        return list(found.get("results", []))

    def _left_running(
        self, kind: Kind, project: str, origin: str, mine: Claim, watcher: Watcher
    ) -> dict[str, Any] | None:
        """The newest of a task instance, if it still runs and is what `mine` asks for; another one is stopped.

        What is complete is not taken. Raises SurroundingsError when it cannot be found out.
        """
        try:
            rows = self._newest(kind, project)
        except UsageError as error:
            watcher.say(f"whether an earlier try still runs cannot be found out: {error.message}")
            return None
        found = next((row for row in rows if origin in (row.get("tags") or ())), None)
        if found is None or found.get("status") not in _RUNNING:
            return None
        name, key = f"{kind} #{found.get('counter')}", str(found["id"])
        taken = mine.takes(name, found.get("tags") or (), watcher, lambda: self.stop(kind, key))
        return found if taken else None

    def project_id(self, name: str) -> str:
        """By its exact name. Raises UsageError."""
        names = []
        for project in self.client.pages("projects/", limit=MANY):
            if project["name"] == name:
                return str(project["id"])
            names.append(project["name"])
        known = ", ".join(sorted(names)) or "none"
        raise UsageError(f"{self.address} shows this token no project {name!r}", hints=[f"it shows: {known}"])

    def fetch(self, project: str) -> dict[str, Any]:
        """Let the platform look for new commits; those that it found."""
        found: dict[str, Any] = self.client.post(f"projects/{project}/fetch/")
        return found

    def repository_id(self, project: str) -> str:
        """Of the project's repository. Raises UsageError when none is linked."""
        for row in self.client.pages("repositories/", limit=MANY):
            if row["project"]["id"] == project:
                return str(row["id"])
        raise UsageError("the project has no repository", hints=["link one on the platform, or give commit="])

    def newest_commit(self, project: str, branch: str) -> str:
        """The newest that the platform knows of the branch. Raises UsageError when there is none."""
        repository = self.repository_id(project)
        branches: set[str] = set()
        for commit in self.client.pages("commits/", limit=MANY, ordering="-commit_time"):
            if str(commit["repository"]) == repository:
                if commit["ref"] == branch:
                    return str(commit["identifier"])
                branches.add(str(commit["ref"]))
        known = ", ".join(sorted(branches)) or "none"
        raise UsageError(f"the project has no commit of branch {branch!r}", hints=[f"branches with commits: {known}"])

    def add_tags(self, key: str, tags: Sequence[str]) -> None:
        """To those that the execution has."""
        self.client.post(f"executions/{key}/tags/", {"tags": list(tags)})

    def _fetched_commit(self, project: str, branch: str, watcher: Watcher) -> str:
        self.fetch(project)
        commit = self.newest_commit(project, branch)
        watcher.say(f"the code is branch {branch}, commit {commit}")
        return commit

    def _pipeline_body(
        self, request: PipelineRequest, project: str, commit: str, tags: Sequence[str]
    ) -> dict[str, Any]:
        """Nodes and edges are those of the commit's valohai.yaml: the API takes no name of a pipeline."""
        from valohai_yaml import parse
        from valohai_yaml.pipelines.conversion import PipelineConverter

        found = self.client.get(f"commits/{commit}/", project=project, include="config")
        text = found.get("config")
        config = parse(text if isinstance(text, str) else strict_json.dumps(text), validate=False)
        if request.pipeline not in config.pipelines:
            known = ", ".join(config.pipelines) or "none"
            raise UsageError(f"commit {commit} has no pipeline {request.pipeline!r}", hints=[f"it has: {known}"])
        if request.node is not None:
            return whole_body(request, project, commit, config)
        converter = PipelineConverter(
            config=config, commit_identifier=commit, parameter_arguments=dict(request.parameters)
        )
        made = converter.convert_pipeline(config.pipelines[request.pipeline])
        return {"project": project, "title": request.title or request.pipeline, "tags": list(tags), **made}

    def _events(self, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"executions/{key}/events/", limit=EVENTS).get("events", [])
        return found

    def _tell_events(self, key: str, told: set[tuple[str, ...]], watcher: Watcher) -> None:
        """A log that cannot be had is no reason to fail."""
        try:
            events = self._events(key)
        except LocalhaiError:
            return
        for event in events:
            mark = (str(event.get("stream")), str(event.get("time")), str(event.get("message")))
            if mark not in told:
                told.add(mark)
                watcher.line(mark[2])


def asked_of(request: ExecutionRequest | PipelineRequest) -> dict[str, Any]:
    """What a request asks for, without what differs from try to try. Pure."""
    known = request.to_dict()
    for name in ("origin", "again", "last_try", "title", "tags"):
        known.pop(name)
    return known


def execution_body(request: ExecutionRequest, project: str, commit: str, tags: Sequence[str] = ()) -> dict[str, Any]:
    """As the original plugin sends it, with the tags of the task alone: empty things are left out. Pure."""
    body: dict[str, Any] = {"project": project, "commit": commit, "step": request.step}
    optional: Mapping[str, Any] = {
        "inputs": dict(request.inputs),
        "parameters": dict(request.parameters),
        "environment": request.environment,
        "time_limit": request.time_limit,
        "title": request.title,
        "tags": [tag for tag in tags if tag not in request.tags],
        "image": request.image,
        "command": list(request.command or ()),
        "environment_variables": dict(request.environment_variables),
    }
    return {**body, **{name: value for name, value in optional.items() if value}}


def whole_body(request: PipelineRequest, project: str, commit: str, config: Any) -> dict[str, Any]:
    """A pipeline of one node alone, with what the edges into it brought (wire.md 3.8, E35). Pure."""
    from valohai_yaml.pipelines.conversion import PipelineConverter

    known = request.node or {}
    start, name = known["start"], known["node"]["name"]
    converter = PipelineConverter(config=config, commit_identifier=commit, parameter_arguments={})
    nodes = converter.convert_pipeline(config.pipelines[request.pipeline])["nodes"]
    node = next(dict(item) for item in nodes if item["name"] == name)
    for key in ("on-error", "actions"):  # the DAG does that
        node.pop(key, None)
    if "template" in node:
        template = dict(node["template"])
        template["inputs"] = {**template.get("inputs", {}), **start["inputs"]}
        template["parameters"] = {**template.get("parameters", {}), **_variants(start["parameters"])}
        if known.get("environment"):
            template["environment"] = known["environment"]
        node["template"] = template
    for target, uris in start["files"].items():
        endpoint, _, file = target.partition(".")
        node["endpoint_configurations"][endpoint]["files"][file] = uris
    return {"project": project, "title": request.title, "tags": list(request.tags), "nodes": [node], "edges": []}


def _variants(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A list is one execution for each of its items."""
    return {
        name: {"style": "multiple", "rules": {"items": value}} if isinstance(value, list) else value
        for name, value in parameters.items()
    }
