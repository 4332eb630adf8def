"""What operators, sensor and trigger ask of the platform, whichever it is: this machine or app.valohai.com."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from localhai.airflow.request import ExecutionRequest, PipelineRequest

Kind = Literal["execution", "pipeline"]


class Watcher:
    """Hears what happens to an execution and does nothing: subclass and override. Called from the caller's thread."""

    def line(self, text: str) -> None:
        """A line of the container, or one that localhai says about it."""

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

    def outputs(self, key: str) -> list[dict[str, Any]]:
        """The outputs of an execution: id, name, size, ctime, uri."""

    def whole_result(self, key: str, node: str) -> dict[str, Any]:
        """What the only node of a pipeline came to, in the shape of an execution: status, outputs, deployment ..."""

    def output_url(self, datum: str) -> str:
        """An address that `urlretrieve` can open without a token."""

    def lines(self, kind: Kind, key: str) -> Sequence[str]:
        """What its container wrote, the newest lines."""

    def heard(self, kind: Kind, key: str) -> None:
        """Airflow knows that it is complete: a later try of the task is to start anew."""

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


def is_pipeline(request: Any) -> bool:
    """Which of the two it asks for."""
    return hasattr(request, "pipeline")


def kind_of(request: Any) -> Kind:
    """Which of the two it asks for, as a word."""
    return "pipeline" if is_pipeline(request) else "execution"


def what(kind: Kind, details: Mapping[str, Any]) -> str:
    """A name for messages: `execution #5 (train)`."""
    name = details.get("step") or details.get("name") or details.get("title")
    return f"{kind} #{details.get('counter')}" + (f" ({name})" if name else "")
