"""What localhai left on an engine, and taking it away: containers, volumes and networks, by their labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.containers import labels
from localhai.errors import EngineLost, SurroundingsError

if TYPE_CHECKING:
    from localhai.containers.engine import ContainerState, Engine


class Leftovers(Struct, frozen=True):
    """All that carries our labels: containers as the engine lists them, names of volumes and networks."""

    containers: tuple[ContainerState, ...] = ()
    volumes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.volumes or self.networks)


def containers(engine: Engine, *, execution: str | None = None) -> list[ContainerState]:
    """Containers of executions, of one or of all; running or not."""
    return engine.containers({labels.EXECUTION: execution})


def orphans(engine: Engine) -> list[ContainerState]:
    """Containers of executions whose owner does not live any more: to be adopted, or closed and removed."""
    return [item for item in containers(engine) if not labels.is_alive(labels.parse_owner(item.labels))]


def of_execution(engine: Engine, execution: str) -> Leftovers:
    """Everything on the engine that belongs to an execution."""
    wanted = {labels.EXECUTION: execution}
    return Leftovers(tuple(engine.containers(wanted)), tuple(engine.volumes(wanted)), tuple(engine.networks(wanted)))


def of_task(engine: Engine, task: str) -> Leftovers:
    """What the members of a distributed task share: the containers that hold their addresses, and their network."""
    wanted = {labels.TASK: task}
    return Leftovers(tuple(engine.containers(wanted)), networks=tuple(engine.networks(wanted)))


def helpers(engine: Engine) -> list[ContainerState]:
    """Helper containers that were cut off: one lives for seconds, so a stopped one is nobody's."""
    return [item for item in engine.containers({labels.HELPER: None}) if not item.running]


def package_caches(engine: Engine) -> list[str]:
    """Volumes that hold downloaded packages."""
    return engine.volumes({labels.CACHE: None})


def remove(engine: Engine, leftovers: Leftovers) -> list[str]:
    """Remove them; gives a sentence for each that resisted. Raises EngineLost."""
    problems: list[str] = []
    for item in leftovers.containers:
        problems += _attempt(engine.remove, item.id, "container")
    for name in leftovers.volumes:
        problems += _attempt(engine.remove_volume, name, "volume")
    for name in leftovers.networks:
        problems += _attempt(engine.remove_network, name, "network")
    return problems


def _attempt(act: Callable[[str], None], name: str, kind: str) -> list[str]:
    try:
        act(name)
    except EngineLost:
        raise
    except SurroundingsError as error:
        return [f"the {kind} {name} could not be removed: {error.message}"]
    return []
