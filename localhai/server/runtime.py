"""`runtime_config` of a request: what an execution may use, as clients ask it of the platform's Kubernetes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.server.errors import field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.project.plan import Limits

_NAME = "runtime_config"
_RESOURCES = ("kubernetes", "containers", "workload", "resources")


def limited(limits: Limits, body: Mapping[str, Any]) -> Limits:
    """The step's limits with those of the request in their places. Raises Refused.

    Memory is in megabytes, `no_output_timeout` in seconds. The rest of it (restarts, remote debugging, volumes) has no
    counterpart on one machine.
    """
    config = _object(body.get(_NAME), _NAME)
    resources = config
    for key in _RESOURCES:
        resources = _object(resources.get(key), key)
    least, most = _object(resources.get("requests"), "requests"), _object(resources.get("limits"), "limits")
    wanted: dict[str, Any] = {
        "no_output_timeout": _number(config.get("no_output_timeout"), "no_output_timeout"),
        "cpu_min": _number(least.get("cpu"), "cpu"),
        "cpu_max": _number(most.get("cpu"), "cpu"),
        "memory_min": _number(least.get("memory"), "memory"),
        "memory_max": _number(most.get("memory"), "memory"),
    }
    found = replace(limits, **{key: value for key, value in wanted.items() if value is not None})
    if most.get("devices") is not None:
        devices = _object(most["devices"], "devices")
        found = replace(found, devices={name: int(_number(count, name) or 0) for name, count in devices.items()})
    return found


def _object(value: Any, key: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise field(_NAME, f"{key}: an object is needed.")
    return value


def _number(value: Any, key: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 2**53 or math.isnan(value):
        raise field(_NAME, f"{key}: a number above 0 is needed.")
    return float(value)
