"""What an operator asks for, after templates and callables: plain values that both modes take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field, to_builtins

DEFAULT_BRANCH = "master"
ORIGIN = "airflow:"
_ORIGIN = re.compile(rf"{ORIGIN}([^/]+)/(.+)/([^/\[\]]+)(?:\[(\d+)\])?")


class ExecutionRequest(Struct, frozen=True):
    """One execution. `branch` None: `master` on the platform, the working tree in dev mode; `time_limit` in seconds.

    `origin` names the task instance, the same for all of its tries; `again` says that this is not the first, `last_try`
    which one will be the last: another number once the task was cleared. For a
    node of a pipeline, `image`, `command` and `environment_variables` are what its override says; `node` is the node
    itself, as JSON values, from which dev mode makes the step.
    """

    project: str
    step: str
    inputs: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment: str | None = None
    commit: str | None = None
    branch: str | None = None
    tags: Sequence[str] = ()
    time_limit: float | None = None
    title: str | None = None
    origin: str | None = None
    image: str | None = None
    command: Sequence[str] | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    node: Mapping[str, Any] | None = None
    reuse: bool = False
    again: bool = False
    last_try: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values; `ExecutionRequest(**values)` is the inverse."""
        return {**to_builtins(self), "tags": list(self.tags)}


class PipelineRequest(Struct, frozen=True):
    """One run of a pipeline. `parameters` are the pipeline's own; `origin`, `again` and `last_try` as for an execution.

    `node` makes it a run of one node alone: the node itself, its `edges`, the `results` (XComs) of the nodes before it,
    and the `start` that they come to.
    """

    project: str
    pipeline: str
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
        """JSON values; `PipelineRequest(**values)` is the inverse."""
        return {**to_builtins(self), "tags": list(self.tags)}


class TaskName(Struct, frozen=True):
    """What Airflow calls a task instance; `map_index` is -1 for what is not mapped."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    def __str__(self) -> str:
        return f"{self.dag_id}/{self.run_id}/{self.task_id}" + (f"[{self.map_index}]" if self.map_index >= 0 else "")


def origin_of(context: Any) -> str | None:
    """`airflow:DAG/RUN/TASK`, with `[INDEX]` for one of a mapped task: a tag by which its tries find one another."""
    task_instance = context.get("ti") if hasattr(context, "get") else None
    names = [getattr(task_instance, name, None) for name in ("dag_id", "run_id", "task_id")]
    if not all(isinstance(name, str) for name in names):
        return None
    dag, run, task = map(str, names)
    index = getattr(task_instance, "map_index", -1)
    return f"{ORIGIN}{TaskName(dag, run, task, index if isinstance(index, int) else -1)}"


def task_of(tags: Iterable[str]) -> TaskName | None:
    """The inverse of `origin_of`: which task instance the one of these tags names."""
    for found in map(_ORIGIN.fullmatch, tags):
        if found is not None:
            dag, run, task, index = found.groups()
            return TaskName(dag, run, task, -1 if index is None else int(index))
    return None


def is_another_try(context: Any) -> bool:
    """Whether Airflow runs the task instance of a context once more."""
    number = getattr(context.get("ti") if hasattr(context, "get") else None, "try_number", None)
    return isinstance(number, int) and number > 1


def last_try_of(context: Any) -> int | None:
    """The number of the last try that Airflow will give the task instance of a context; to clear it moves that."""
    number = getattr(context.get("ti") if hasattr(context, "get") else None, "max_tries", None)
    return number + 1 if isinstance(number, int) and number >= 0 else None


def tags_with_origin(request: ExecutionRequest | PipelineRequest, mark: str) -> tuple[str, ...]:
    """Its tags, and where a task asks, the one that names it and `mark`, by which its tries know what is theirs."""
    return (*request.tags, *([request.origin, mark] if request.origin else []))


def resolve_callables(values: Mapping[str, Any] | None, context: Any) -> dict[str, Any]:
    """A callable among the values is called with the task's context; lazy sequences of mapped tasks become lists."""
    return {name: _plain(value(context) if callable(value) else value) for name, value in (values or {}).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        return value
    return [_plain(item) for item in value]
