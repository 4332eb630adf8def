"""ExecutionPlan: all that an execution will be, decided before anything starts. Immutable and pure."""

# Without `from __future__ import annotations`: where types are no texts, msgspec begins to read in a third of the time.

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import force_setattr

from localhai.system import strict_json
from localhai.vocabulary import KeepDirectories

ParityLevel = Literal["emulated", "approximated", "ignored"]
Number = int | float  # what is stored as one stays one


class PlannedInput(Struct, frozen=True):
    """One input: `uris` are as written, after overrides and `{parameter:NAME}` interpolation (platform.md 1.4, 1.5)."""

    name: str
    uris: tuple[str, ...]
    keep_directories: KeepDirectories = "none"
    filename: str | None = None
    optional: bool = False
    on_demand: bool = False


class PlannedMount(Struct, frozen=True):
    """A mount of the step (platform.md 1.6); `kind` is its `type`, None for a local path."""

    source: str
    destination: str
    readonly: bool = False
    kind: str | None = None


class Limits(Struct, frozen=True):
    """Seconds, vCPU (0.1 = 10 %) and megabytes; None means no limit (platform.md 1.1)."""

    time_limit: Number | None = None
    no_output_timeout: Number | None = None
    stop_condition: str | None = None
    cpu_min: Number | None = None
    cpu_max: Number | None = None
    memory_min: Number | None = None
    memory_max: Number | None = None
    devices: Mapping[str, Number] | None = None


class ParityNote(Struct, frozen=True):
    """A valohai.yaml key that this step uses and what becomes of it here; `text` says how or why it differs."""

    key: str
    level: ParityLevel
    text: str


class ExecutionPlan(Struct, frozen=True):
    """What one execution will do. Made by `project.planning.plan`; says nothing of Docker or the network.

    `image` is what runs (after `--image` and the image map), `image_requested` what valohai.yaml says. `command` holds
    the interpolated items (platform.md 1.4), `script` the file that the shell runs. `parameters` hold cast values in
    declaration order, without those that have none. `environment_variables` are the project's, the step's defaults and
    the explicit ones, later ones winning.
    `awaiting` says of a plan that is only looked at what pipelines bring (`input data`) and from where.
    `commit` is a git SHA or `~<sha256>`, None while a plan is only looked at.
    """

    step: str
    image: str
    image_requested: str
    command: tuple[str, ...]
    script: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[PlannedInput, ...] = ()
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    environment: str | None = None
    limits: Limits = Limits()
    mounts: tuple[PlannedMount, ...] = ()
    upload_store: str | None = None
    source_path: str | None = None
    title: str | None = None
    tags: tuple[str, ...] = ()
    project: str | None = None
    commit: str | None = None
    parity: tuple[ParityNote, ...] = ()
    awaiting: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        force_setattr(self, "parameters", MappingProxyType(dict(self.parameters)))
        force_setattr(self, "environment_variables", MappingProxyType(dict(self.environment_variables)))

    def to_dict(self) -> dict[str, Any]:
        """JSON values only; `strict_json.convert` is the inverse."""
        values: dict[str, Any] = strict_json.values(self)
        return values
