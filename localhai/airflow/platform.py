"""Which platform is meant, this machine or app.valohai.com, and what operators, sensor and trigger ask of it. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol

from msgspec import Struct, field, to_builtins

from localhai.errors import UsageError

VARIABLE = "LOCALHAI_MODE"
DEFAULT_BRANCH = "master"
Kind = Literal["execution", "pipeline"]
OUTPUT_KEYS = ("name", "ctime", "size", "id", "uri")  # of an output in an XCom, beside its url
LAST_LINES = 20  # of a container, in the message of a task that failed
_KNOWN: dict[str, Literal["dev", "remote"]] = {"dev": "dev", "remote": "remote"}


class Mode(Struct, frozen=True):
    """`reason` completes the sentence "... mode, because"."""

    name: Literal["dev", "remote"]
    reason: str

    @property
    def is_dev(self) -> bool:
        return self.name == "dev"

    def __str__(self) -> str:
        return f"{self.name} mode, because {self.reason}"


def decide(extra: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None) -> Mode:
    """LOCALHAI_MODE, else `mode` in the connection's extra, else remote: asked when a task executes, never at import.

    Raises UsageError for any other word: a typing error must not send a test to the platform.
    """
    environ = os.environ if environ is None else environ
    said = environ.get(VARIABLE, "").strip()
    if said:
        return Mode(_known(said, f"the variable {VARIABLE}"), f"{VARIABLE}={said}")
    said = str((extra or {}).get("mode") or "").strip()
    if said:
        return Mode(_known(said, "`mode` in the connection's extra"), f"the connection's extra says mode {said}")
    return Mode("remote", f"{VARIABLE} is not set")


def _known(said: str, where: str) -> Literal["dev", "remote"]:
    if said.lower() not in _KNOWN:
        raise UsageError(f"{where} is {said!r}: dev or remote is needed", hints=[f"set {VARIABLE}=dev"])
    return _KNOWN[said.lower()]


def refuse_in_dev(what: str, *, environ: Mapping[str, str] | None = None) -> None:
    """The last gate before the network: raises UsageError while LOCALHAI_MODE says dev, whoever asks."""
    said = (os.environ if environ is None else environ).get(VARIABLE, "").strip().lower()
    if said == "dev":
        raise UsageError(f"{what} is not asked: {VARIABLE}=dev, and in dev mode nothing reaches the platform")


class _Request(Struct, frozen=True, kw_only=True):
    """What is asked for, after templates and callables: plain values that both modes take.

    `branch` None: `master` on the platform, the working tree in dev mode. `origin` names the task instance, the same
    for all of its tries; `again` says that this is not the first, `last_try` which one will be the last: another number
    once the task was cleared.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None
    branch: str | None = None
    tags: Sequence[str] = ()
    title: str | None = None
    origin: str | None = None
    node: Mapping[str, Any] | None = None
    again: bool = False
    last_try: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values; the class called with them is the inverse."""
        return {**to_builtins(self), "tags": list(self.tags)}


class ExecutionRequest(_Request, frozen=True):
    """One execution; `time_limit` is in seconds.

    For a node of a pipeline, `image`, `command` and `environment_variables` are what its override says; `node` is the
    node itself, as JSON values, from which dev mode makes the step.
    """

    kind: ClassVar[Kind] = "execution"

    project: str
    step: str
    inputs: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    environment: str | None = None
    time_limit: float | None = None
    image: str | None = None
    command: Sequence[str] | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    reuse: bool = False


class PipelineRequest(_Request, frozen=True):
    """One run of a pipeline; `parameters` are the pipeline's own.

    `node` makes it a run of one node alone: the node itself, its `edges`, the `results` (XComs) of the nodes before it,
    and the `start` that they come to.
    """

    kind: ClassVar[Kind] = "pipeline"

    project: str
    pipeline: str


class Watcher:
    """Hears what happens to an execution and does nothing: subclass and override. Called from the caller's thread."""

    def line(self, text: str) -> None:
        """A line of the container, or one that localhai says about it."""

    def say(self, text: str) -> None:
        """A line of localhai's own."""
        self.line(f"localhai: {text}")

    def started(self, key: str, url: str | None) -> None:
        """It has an id, and perhaps an address that a person can open."""


class Platform(Protocol):
    """Executions and pipelines by their id. Failures are LocalhaiError: UsageError where no retry can help."""

    def run(self, request: ExecutionRequest | PipelineRequest, watcher: Watcher) -> dict[str, Any]:
        """Start it and wait for its end, whatever that is; gives its details."""

    def start(self, request: ExecutionRequest | PipelineRequest, watcher: Watcher) -> str:
        """Start it and come back; gives its id. It goes on when this process ends."""

    def details(self, kind: Kind, key: str) -> dict[str, Any]:
        """As the platform's API gives it: id, counter, status, step, urls, parameters, ..."""

    def hand_over(self, details: dict[str, Any]) -> dict[str, Any]:
        """What Airflow keeps of an execution that is complete: outputs with a `url`. A later try starts anew."""

    def outputs(self, key: str) -> list[dict[str, Any]]:
        """The outputs of an execution: id, name, size, ctime, uri."""

    def whole_result(self, key: str, node: str) -> dict[str, Any]:
        """What the only node of a pipeline came to, in the shape of an execution: status, outputs, deployment ..."""

    def output_url(self, datum: str) -> str:
        """An address that `urlretrieve` can open without a token."""

    def lines(self, kind: Kind, key: str) -> Sequence[str]:
        """What its container wrote, the newest lines."""

    def stop(self, kind: Kind, key: str) -> None:
        """Ask it to stop; fine when it has ended."""

    def running(self, project: str) -> Iterable[tuple[Kind, str, Sequence[str]]]:
        """What goes on in a project, by its id, and was not asked to stop: kind, id and tags; the newest at least."""

    def project_id(self, name: str) -> str:
        """By its exact name."""

    def fetch(self, project: str) -> dict[str, Any]:
        """Look for new commits of a project, by its id: `commits` and `errors`."""

    def repository_id(self, project: str) -> str:
        """Of the project's repository."""

    def newest_commit(self, project: str, branch: str) -> str:
        """The identifier of the branch's newest commit."""

    def add_tags(self, key: str, tags: Sequence[str]) -> None:
        """To those that an execution has."""

    def stop_current(self) -> None:
        """Stop what `run` waits for, from a signal handler or another thread; its container is gone in seconds."""


def what(kind: Kind, details: Mapping[str, Any]) -> str:
    """A name for messages: `execution #5 (train)`."""
    name = details.get("step") or details.get("name") or details.get("title")
    return f"{kind} #{details.get('counter')}" + (f" ({name})" if name else "")


def failure_text(details: Mapping[str, Any], name: str, lines: Sequence[str]) -> str:
    """One message for a task that failed: what, how, and its last words."""
    code = details.get("exit_code")
    reasons = [] if code is None else [f"exit code {code}"]
    if details.get("error") and str(details["error"]) not in reasons:
        reasons.append(str(details["error"]))
    text = f"{name} ended as {details['status']}" + (f": {', '.join(reasons)}" if reasons else "")
    if lines:
        text += "\nIts last lines:\n" + "\n".join(f"  {line}" for line in lines[-LAST_LINES:])
    return text
