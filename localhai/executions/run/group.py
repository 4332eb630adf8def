"""Members of a distributed task: one Docker network, addresses known to all, and nobody starts alone (platform.md 10).

Each member gets a small container of its own that holds its address, and runs in that container's network: so all
addresses are known, and written into distributed.json, before the first line of anybody's code runs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.containers import labels, reap
from localhai.containers.engine import ContainerSpec
from localhai.errors import Interrupted, LocalhaiError, SurroundingsError

if TYPE_CHECKING:
    from localhai.containers.engine import Engine
    from localhai.executions.home import Home
    from localhai.executions.run.context import RunContext

LOOK = 0.2  # seconds between looks at who wants the waiting to end
HOLD = ("/bin/sh", "-c", "exec sleep 2147483647")  # ends when it is removed


class MemberAddress(Struct, frozen=True):
    """Where a member is: `holder` is the container that holds its addresses."""

    execution_id: str
    holder: str
    name: str
    addresses: tuple[str, ...]
    ports: tuple[int, ...]
    announced: datetime


class Group:
    """The members of one distributed task, `size` of them. Thread-safe: each member runs in a thread of its own.

    `close` takes away what all share; until then a member that has ended keeps its address.
    """

    def __init__(self, engine: Engine, *, task_id: str, size: int) -> None:
        self.task_id = task_id
        self.size = size
        self._engine = engine
        self._changed = threading.Condition()
        self._network: str | None = None
        self._places: dict[int, MemberAddress] = {}
        self._ready: set[int] = set()
        self._broken: str | None = None

    def member(self, number: int) -> Member:
        """Member number 0, 1, ... of the group."""
        return Member(self, number)

    def leave(self, number: int) -> None:
        """A member has ended. Those that still wait for it are told, and end too: they cannot start without it."""
        with self._changed:
            if len(self._ready) < self.size and self._broken is None:
                self._broken = f"member {number} of its distributed task did not start"
            self._changed.notify_all()

    def close(self) -> list[str]:
        """Remove addresses and network. Gives a sentence for each that resisted, `localhai clean` removes it later."""
        try:
            return reap.remove(self._engine, reap.of_task(self._engine, self.task_id))
        except LocalhaiError as error:
            return [f"the network of task {self.task_id} could not be removed: {error.message}"]

    def join(self, number: int, context: RunContext, ports: Iterable[int]) -> None:
        """Take an address, and wait until every member has one. Raises Interrupted, SurroundingsError."""
        place = self._settle(context, tuple(ports))
        with self._changed:
            self._places[number] = place
            self._wait(context, self._places)

    def ready(self, number: int, context: RunContext) -> None:
        """Wait until every member could start. Raises Interrupted."""
        with self._changed:
            self._ready.add(number)
            self._wait(context, self._ready)

    def _wait(self, context: RunContext, arrived: Mapping[int, Any] | set[int]) -> None:
        self._changed.notify_all()
        while len(arrived) < self.size:
            if self._broken is not None:
                raise Interrupted(self._broken)
            if context.interruption.asked:
                raise Interrupted("it was interrupted before its container started")
            self._changed.wait(LOOK)

    def _settle(self, context: RunContext, ports: tuple[int, ...]) -> MemberAddress:
        owned = self._labels(context)
        network = self._shared_network(context, owned)
        name = f"localhai-address-{context.record.id}"
        image = context.image.id if context.image is not None else context.plan.image
        spec = ContainerSpec(name, image, HOLD, labels={**owned, labels.HELPER: "address"}, network=network)
        holder = self._engine.create(spec)
        self._engine.start(holder)
        state = self._engine.state(holder)
        if state is None or not state.addresses:
            raise SurroundingsError(
                f"member {context.record.counter} of a distributed task got no address on the network {network}",
                hints=["the image needs /bin/sh and sleep"],
            )
        now = datetime.now(timezone.utc)
        return MemberAddress(context.record.id, holder, name, state.addresses, ports, now)

    def _labels(self, context: RunContext) -> dict[str, str]:
        return {
            **labels.build(execution=context.record.id, project=context.project.name, home=context.home.id),
            labels.TASK: self.task_id,
        }

    def _shared_network(self, context: RunContext, owned: Mapping[str, str]) -> str:
        """The first who comes makes it; its labels name that one and the task."""
        with self._changed:
            if self._network is None:
                name = f"localhai-{context.record.id}"
                self._engine.create_network(name, owned)
                self._network = name
            return self._network

    def place(self, number: int) -> MemberAddress:
        """Where a member is, once it has joined."""
        return self._places[number]

    def config(self, number: int) -> dict[str, Any]:
        """distributed.json of a member (platform.md 10), once all have joined."""
        with self._changed:
            members = [_announced(key, place) for key, place in self._places.items()]
            own = _announced(number, self._places[number], precision="microseconds")
        return {
            "config": {
                "group_name": f"task-{self.task_id}",
                "member_id": str(number),
                "required_count": self.size,
            },
            "members": members,
            "self": own,
        }


class Member(Struct, frozen=True):
    """One member of a group, as `RunOptions.member` of its execution."""

    group: Group
    number: int

    def variables(self) -> dict[str, str]:
        """VH_DIST_* (platform.md 2.2)."""
        number = str(self.number)
        return {
            "VH_DIST_MEMBER_ID": number,
            "VH_DIST_MEMBER_INDEX": number,
            "VH_DIST_MEMBER_COUNT": str(self.group.size),
        }

    def join(self, context: RunContext, ports: Iterable[int]) -> None:
        """`Group.join`."""
        self.group.join(self.number, context, ports)

    def ready(self, context: RunContext) -> None:
        """`Group.ready`."""
        self.group.ready(self.number, context)

    @property
    def network(self) -> str:
        """The network of its container, in the engine's words, once it has joined."""
        return f"container:{self.group.place(self.number).holder}"

    def config(self) -> dict[str, Any]:
        """Its distributed.json, once it has joined."""
        return self.group.config(self.number)


def _announced(number: int, place: MemberAddress, *, precision: str = "seconds") -> dict[str, Any]:
    """IPv4 addresses come first. A port of a member is reached at its own address, so it is exposed as itself."""
    return {
        "announce_time": place.announced.isoformat(timespec=precision),
        "identity": place.name,
        "job_id": f"exec-{place.execution_id}",
        "member_id": str(number),
        "network": {
            "exposed_ports": {str(port): str(port) for port in place.ports},
            "local_ips": sorted(place.addresses, key=lambda address: ":" in address),
            "public_ips": [],
        },
    }


def remove_left(home: Home, task_id: str) -> None:
    """What a dead localhai left of a group whose members have all ended. Quiet: `localhai clean` finds it again."""
    with suppress(LocalhaiError):
        reap.remove(home.engine, reap.of_task(home.engine, task_id))
