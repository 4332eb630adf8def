"""What a step may use, as fields of a ContainerSpec. Pure; plain numbers in, no engine asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.containers.engine import EngineInfo
    from localhai.settings import Settings

MEGABYTE = 1024 * 1024
MOST_PORT = 65535
_GPU_WORDS = ("gpu", "nvidia")


class EngineLimits(Struct, frozen=True):
    """`fields` are for `ContainerSpec(**fields)`; `notes` say what could not be given as asked."""

    fields: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def engine_limits(
    *,
    cpu_max: float | None = None,
    memory_min: float | None = None,
    memory_max: float | None = None,
    devices: Mapping[str, float] | None = None,
    variables: Mapping[str, str] | None = None,
    network: str | None = None,
    engine_cpus: int = 0,
    engine_memory: int = 0,
    pids: int | None = None,
    new_privileges: bool = False,
) -> EngineLimits:
    """Resources (vCPU and megabytes, platform.md 1.1) and agent control variables (platform.md 2.3) together.

    VH_CPU_LIMIT is `2` (cores) or `0,2,4` (these cores) and beats `cpu_max`; VH_DOCKER_NETWORK beats `network`;
    VH_EXPOSE_PORTS is `8080`, `8080:80` or several with commas or spaces (its format is unconfirmed). What the engine
    does not have is given as far as it goes, with a note. Raises UsageError for a value that cannot be read.
    """
    variables = variables or {}
    notes: list[str] = []
    cpus, cpuset = _processors(variables.get("VH_CPU_LIMIT", "").strip(), cpu_max)
    if cpus is not None and engine_cpus and cpus > engine_cpus:
        notes.append(f"the step asks for {cpus:g} processors, and the engine has {engine_cpus}: it gets those")
        cpus = float(engine_cpus)
    memory = _bytes(memory_max)
    reservation = _bytes(memory_min)
    if memory is not None and reservation is not None:
        reservation = min(reservation, memory)
    if memory is not None and engine_memory and memory > engine_memory:
        notes.append(
            f"the step may use {memory_max:g} MB of memory, and the engine has "
            f"{engine_memory // MEGABYTE} MB: no limit is set"
        )
        memory = None
    fields: dict[str, Any] = {
        "cpus": cpus,
        "cpuset": cpuset,
        "memory": memory,
        "memory_reservation": reservation,
        "gpus": _gpus(devices or {}, notes),
        "network": variables.get("VH_DOCKER_NETWORK", "").strip() or network,
        "ports": exposed_ports(variables),
        "pids": pids,
        "new_privileges": new_privileges,
    }
    return EngineLimits({name: value for name, value in fields.items() if value}, tuple(notes))


def container_limits(settings: Settings, info: EngineInfo, **wanted: Any) -> EngineLimits:
    """`engine_limits` of what is wanted, over `engine_options`, as these settings and this engine have them."""
    found = engine_limits(
        **wanted,
        network=settings.network,
        engine_cpus=info.cpus,
        engine_memory=info.memory,
        pids=settings.pids_limit if info.counts_pids else None,
        new_privileges=not settings.no_new_privileges,
    )
    return EngineLimits({**engine_options(settings, info.memory), **found.fields}, found.notes)


def foreign_network(variables: Mapping[str, str], *, own: str | None, allowed: Collection[str]) -> str | None:
    """The network that VH_DOCKER_NETWORK names beside its `own` and those that are `allowed`; none is always."""
    wanted = variables.get("VH_DOCKER_NETWORK", "").strip()
    return wanted if wanted and wanted not in {own, "none", *allowed} else None


def engine_options(settings: Settings, engine_memory: int) -> dict[str, Any]:
    """What the person of this machine sets for all containers, as fields of a ContainerSpec.

    Shared memory is half of what the engine has unless it is set: it costs nothing before it is used, and Docker's own
    64 MB kill data loaders that work on the platform (how much there is there is unconfirmed).
    """
    found = {
        "shm_size": engine_memory // 2 if settings.shm_size is None else size_in_bytes(settings.shm_size),
        "gpus": None if settings.gpus is None else -1 if settings.gpus.lower() == "all" else int(settings.gpus),
        "ipc": settings.ipc,
        "runtime": settings.runtime,
        "ulimits": tuple(_ulimit(name, text) for name, text in settings.ulimits.items()),
        "devices": tuple(settings.devices),
        "groups": tuple(settings.group_add),
        "capabilities": tuple(settings.cap_add),
    }
    return {name: value for name, value in found.items() if value}


def size_in_bytes(text: str) -> int:
    """`8g`, `512 MB`, `1.5gib` or plain bytes, as Docker reads sizes."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", text.strip().lower())
    if match is None:
        raise ValueError(text)
    return int(float(match[1]) * 1024 ** " kmgt".index(match[2] or " "))


def _ulimit(name: str, text: str) -> tuple[str, int, int]:
    soft, _, hard = text.partition(":")
    return name, int(soft), int(hard or soft)


def _processors(limit: str, cpu_max: float | None) -> tuple[float | None, str | None]:
    if not limit:
        return cpu_max, None
    if re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)+|\d+-\d+", limit):
        return None, limit
    try:
        cpus = float(limit)
    except ValueError:
        cpus = 0.0
    if not 0 < cpus < float("inf"):
        raise UsageError(
            f"VH_CPU_LIMIT={limit!r} cannot be read", hints=["give a number of cores (2), or the cores (0,2,4)"]
        )
    return cpus, None


def _bytes(megabytes: float | None) -> int | None:
    return None if megabytes is None else int(megabytes * MEGABYTE)


def _gpus(devices: Mapping[str, float], notes: list[str]) -> int | None:
    """`nvidia.com/gpu: 2` and the like; other devices have no counterpart in Docker."""
    count = 0
    for name, number in devices.items():
        if any(word in name.lower() for word in _GPU_WORDS):
            count += int(number)
        else:
            notes.append(f"the device {name} of the step's resources has no counterpart here: ignored")
    return count or None


def exposed_ports(variables: Mapping[str, str]) -> dict[int, int]:
    """By ports of the container, those of this machine, as VH_EXPOSE_PORTS has them. Raises UsageError."""
    found: dict[int, int] = {}
    for item in re.split(r"[,\s]+", variables.get("VH_EXPOSE_PORTS", "").strip()):
        if not item:
            continue
        match = re.fullmatch(r"(?:(\d+):)?(\d+)(?:/tcp)?", item)
        here, inside = (int(match[1] or match[2]), int(match[2])) if match else (0, 0)
        if not (0 < here <= MOST_PORT and 0 < inside <= MOST_PORT):
            raise UsageError(
                f"VH_EXPOSE_PORTS: {item!r} is no port", hints=["give ports such as 8080, or 8080:80 for HERE:INSIDE"]
            )
        found[inside] = here
    return found
