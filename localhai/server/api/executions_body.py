"""What a client asks an execution to be (wire.md E18)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from localhai.project.overrides import Overrides
from localhai.server.api.environments import LOCAL
from localhai.server.bodies import Commit, Map, Number, ProjectId, Reads, Tags, Text, Texts, mapping, number
from localhai.server.errors import field

HIGHEST_PRIORITY = 10_000
PROJECT_DEFAULT = "PROJECT_DEFAULT"  # as clients say that they name no environment
_RESOURCES = ("kubernetes", "containers", "workload", "resources")


def _uris(name: str, value: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, item in mapping(name, value).items():
        uris = [item] if isinstance(item, str) else item
        if not isinstance(uris, list) or not all(isinstance(uri, str) and "\0" not in uri for uri in uris):
            raise field(name, f"{key}: a list of URIs is needed.")
        found[key] = uris
    return found


def _priority(name: str, value: Any) -> Any:
    found = number(name, value)
    if isinstance(found, int) and abs(found) > HIGHEST_PRIORITY:
        raise field(name, f"A whole number of at most {HIGHEST_PRIORITY} is needed.")
    return found


def _limits(name: str, value: Any) -> dict[str, Any]:
    """Fields of Limits. Memory is in megabytes, `no_output_timeout` in seconds.

    The rest of it (restarts, remote debugging, volumes) has no counterpart on one machine.
    """
    config = _object(value, name)
    resources = config
    for key in _RESOURCES:
        resources = _object(resources.get(key), key)
    least, most = _object(resources.get("requests"), "requests"), _object(resources.get("limits"), "limits")
    wanted: dict[str, Any] = {
        "no_output_timeout": _positive(config.get("no_output_timeout"), "no_output_timeout"),
        "cpu_min": _positive(least.get("cpu"), "cpu"),
        "cpu_max": _positive(most.get("cpu"), "cpu"),
        "memory_min": _positive(least.get("memory"), "memory"),
        "memory_max": _positive(most.get("memory"), "memory"),
    }
    if most.get("devices") is not None:
        devices = _object(most["devices"], "devices")
        wanted["devices"] = {name: int(_positive(count, name) or 0) for name, count in devices.items()}
    return {key: item for key, item in wanted.items() if item is not None}


def _object(value: Any, key: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise field("runtime_config", f"{key}: an object is needed.")
    return value


def _positive(value: Any, key: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 2**53 or math.isnan(value):
        raise field("runtime_config", f"{key}: a number above 0 is needed.")
    return float(value)


def unwrapped(value: Any) -> Any:
    """A plain value: what the web page shows as a call wraps each into `{style: single, rules: {value}}`."""
    if isinstance(value, dict) and value.get("style") == "single" and isinstance(value.get("rules"), dict):
        return value["rules"].get("value")
    return value


def _values(name: str, value: Any) -> dict[str, Any]:
    return {key: unwrapped(item) for key, item in mapping(name, value).items()}


Values = Annotated[dict[str, Any], Reads(_values)]
Uris = Annotated[dict[str, list[str] | str], Reads(_uris)]
Priority = Annotated[int, Meta(description="The highest first"), Reads(_priority)]
RuntimeConfig = Annotated[
    dict[str, Any],
    Meta(description="What it may use, as for the platform's Kubernetes; memory in megabytes"),
    Reads(_limits),
]


class RunBody(Struct, kw_only=True):
    """How something is run."""

    project: ProjectId
    environment: Annotated[Text, Meta(description="Any name is taken; all of it runs on this machine")] = ""
    title: Text = ""
    tags: Tags = []
    environment_variables: Map = {}
    environment_variable_groups: Texts = []
    time_limit: Annotated[Number, Meta(description="Seconds; 0 is no limit of its own")] = 0


class StepBody(RunBody, kw_only=True):
    """A step of a commit, and what changes of it; the rest is valohai.yaml's."""

    commit: Commit = ""
    step: Text
    inputs: Annotated[Uris, Meta(description="URIs by input; [] is no files, an absent key the default")] = {}
    image: Text = ""

    def changes(self, parameters: Mapping[str, Any], title: str = "") -> Overrides:
        """What it changes of its step."""
        named = self.environment not in {"", LOCAL["id"], LOCAL["slug"], PROJECT_DEFAULT}
        return Overrides(
            parameters=parameters,
            inputs=self.inputs,
            environment_variables=self.environment_variables,
            environment_variable_groups=self.environment_variable_groups,
            image=self.image or None,
            environment=self.environment if named else None,  # others run here too, but keep their names
            time_limit=float(self.time_limit) or None,
            title=title or None,
            tags=self.tags,
        )


class ExecutionBody(StepBody, kw_only=True):
    """An execution that is to be queued."""

    parameters: Annotated[Values, Meta(description="Values by name")] = {}
    priority: Priority = 0
    runtime_config: RuntimeConfig = {}
