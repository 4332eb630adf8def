"""What an operator asks for, after templates and callables: plain values that both modes take."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_BRANCH = "master"


@dataclass(frozen=True)
class ExecutionRequest:
    """One execution. `branch` None: `master` on the platform, the working tree in dev mode; `time_limit` in seconds."""

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

    def to_dict(self) -> dict[str, Any]:
        """JSON values; `ExecutionRequest(**values)` is the inverse."""
        return {**asdict(self), "tags": list(self.tags)}


@dataclass(frozen=True)
class PipelineRequest:
    """One run of a pipeline. `parameters` are the pipeline's own."""

    project: str
    pipeline: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None
    branch: str | None = None
    tags: Sequence[str] = ()
    title: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values; `PipelineRequest(**values)` is the inverse."""
        return {**asdict(self), "tags": list(self.tags)}


def resolve_callables(values: Mapping[str, Any] | None, context: Any) -> dict[str, Any]:
    """A callable among the values is called with the task's context; lazy sequences of mapped tasks become lists."""
    return {name: _plain(value(context) if callable(value) else value) for name, value in (values or {}).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        return value
    return [_plain(item) for item in value]
