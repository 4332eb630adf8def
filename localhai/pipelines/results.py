"""What a pipeline is told of a node that ended, and what it says of one that is to start. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

COMPLETE = "complete"


class NodeResult(Struct, frozen=True):
    """How a node ended, and all that its edges can carry on.

    `status` is that of its execution or task: complete, error, crashed or stopped. `outputs` are (path under
    /valohai/outputs, URI), of all children for a task. `inputs` are the URIs of the files it used by input,
    `deployment` holds `id` and `version_id`. `note` is what to say of a node that is complete.
    `is_mistake`: it could not run as the project or the caller has it, and another try would come to the same.
    """

    status: str
    outputs: tuple[tuple[str, str], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    deployment: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    note: str | None = None
    is_mistake: bool = False

    @property
    def is_complete(self) -> bool:
        return self.status == COMPLETE


class NodeStart(Struct, frozen=True):
    """A node to start now, with what this run and its edges give it; the rest is the step's.

    `inputs` are the URIs of those inputs that differ from the step's defaults. `parameters` hold plain values, or
    lists: several values for an execution, one execution each for a task (platform.md 7.2). `files` are URIs by
    `ENDPOINT.FILE` for a deployment. `attempt` counts from 1. `notes` are what to say of it, as sentences;
    `clashes` what to say where of files of one name only the last is kept.
    """

    node: str
    attempt: int = 1
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()
