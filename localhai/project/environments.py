"""Environments of the platform, stood in for by limits of this machine: `[environments]` of localhai.toml. Pure."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.errors import ProjectError
from localhai.project.plan import ParityNote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.project.plan import ExecutionPlan

_FACTORS = {"": 1.0, "m": 1.0, "mb": 1.0, "g": 1024.0, "gb": 1024.0}
_number_re = re.compile(r"(\d+(?:\.\d+)?)([a-z]*)")
_HINT = 'write for example "cpus=4, memory=8192" (vCPU and megabytes, or memory=8g)'


def limited(plan: ExecutionPlan, environments: Mapping[str, str]) -> ExecutionPlan:
    """The plan with what its environment may use here. Limits that the step itself names stay.

    An exact name beats a wildcard. Raises ProjectError for a text that cannot be read.
    """
    wanted = plan.environment
    if wanted is None:
        return plan
    key = wanted if wanted in environments else next((key for key in environments if fnmatchcase(wanted, key)), None)
    if key is None:
        return plan
    found = read_limits(key, environments[key])
    limits = plan.limits
    limits = replace(
        limits,
        cpu_max=limits.cpu_max if limits.cpu_max is not None else found.get("cpus"),
        memory_max=limits.memory_max if limits.memory_max is not None else found.get("memory"),
    )
    note = ParityNote(
        "environment", "approximated", f"{wanted} runs on this machine, limited to {environments[key]} by localhai.toml"
    )
    kept = [item for item in plan.parity if item.key not in {"environment", "step.environment"}]
    return replace(plan, limits=limits, parity=(*kept, note))


def read_limits(name: str, text: str) -> dict[str, float]:
    """`cpus` (vCPU) and `memory` (megabytes) of a text such as `cpus=4, memory=8g`. Raises ProjectError."""
    found: dict[str, float] = {}
    for part in text.replace(",", " ").split():
        key, _, value = part.partition("=")
        match = _number_re.fullmatch(value.lower())
        unit = match[2] if match else ""
        if match is None or key not in {"cpus", "memory"} or unit not in _FACTORS or (key == "cpus" and unit):
            where = f"environments.{name}"
            raise ProjectError(f"{where} in localhai.toml: {part!r} cannot be read", where=where, hints=[_HINT])
        found[key] = float(match[1]) * _FACTORS[unit]
    return found
