"""ExecutionPlan: all that an execution will be, decided before anything starts. Immutable and pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from msgspec import Struct, field, to_builtins
from msgspec.structs import force_setattr

KeepDirectories = Literal["none", "suffix", "full"]
ParityLevel = Literal["emulated", "approximated", "ignored"]


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

    time_limit: float | None = None
    no_output_timeout: float | None = None
    stop_condition: str | None = None
    cpu_min: float | None = None
    cpu_max: float | None = None
    memory_min: float | None = None
    memory_max: float | None = None
    devices: tuple[tuple[str, int], ...] | None = None


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
        """JSON values only; `ExecutionPlan.from_dict` is the inverse."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        values["command"] = list(self.command)
        values["parameters"] = dict(self.parameters)
        values["environment_variables"] = dict(self.environment_variables)
        values["inputs"] = [{**to_builtins(item), "uris": list(item.uris)} for item in self.inputs]
        values["limits"] = to_builtins(self.limits)
        if self.limits.devices is not None:
            values["limits"]["devices"] = dict(self.limits.devices)
        values["mounts"] = [to_builtins(mount) for mount in self.mounts]
        values["tags"] = list(self.tags)
        values["awaiting"] = dict(self.awaiting)
        values["parity"] = [to_builtins(note) for note in self.parity]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ExecutionPlan:
        """A plan from what `to_dict` gave, for instance from plan.json of an earlier execution."""
        known = {name: values[name] for name in cls.__struct_fields__ if name in values}
        limits = dict(known.get("limits") or {})
        if limits.get("devices") is not None:
            limits["devices"] = tuple(limits["devices"].items())
        known["limits"] = Limits(**limits)
        known["command"] = tuple(known["command"])
        known["inputs"] = tuple(PlannedInput(**{**item, "uris": tuple(item["uris"])}) for item in known["inputs"])
        known["mounts"] = tuple(PlannedMount(**mount) for mount in known["mounts"])
        known["tags"] = tuple(known["tags"])
        known["parity"] = tuple(ParityNote(**note) for note in known["parity"])
        return cls(**known)
