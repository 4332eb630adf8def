"""The Engine protocol: the only way localhai talks to containers. Two implementations: Docker, and the public fake.

All methods raise `EngineLost` when the engine stops answering. Times are seconds, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct, field

if TYPE_CHECKING:
    from typing import BinaryIO

Stream = Literal["stdout", "stderr"]


class EngineInfo(Struct, frozen=True):
    """What the engine says of itself. `place` is the address that answered, `architecture` as in images (amd64...)."""

    place: str
    name: str
    version: str
    architecture: str
    cpus: int
    memory: int
    rootless: bool = False
    remapped: bool = False
    gpus: bool = False
    id: str = ""
    counts_pids: bool = True  # it can limit processes
    desktop: bool = False  # in a virtual machine that makes this machine known by a name


class Gateway(Struct, frozen=True):
    """How containers of a network reach the engine's machine: a name or an IP address of it.

    `subnet` is that of the network, in CIDR notation; empty where only the name counts.
    """

    address: str
    subnet: str = ""


class Image(Struct, frozen=True):
    """An image on the engine. `digest` is the repository digest where it has one, else the image id (sha256:...)."""

    reference: str
    id: str
    digest: str
    architecture: str
    os: str
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    size: int = 0


class Mount(Struct, frozen=True):
    """A folder, file or volume in the container. `source` is a path of this machine (bind) or a volume's name."""

    source: str
    target: str
    read_only: bool = False
    kind: Literal["bind", "volume"] = "bind"


class ContainerSpec(Struct, frozen=True):
    """What to create. The image's entrypoint is always cleared: `command` is the whole argument vector.

    `network` is the name of a network, or `container:ID` for that of another container.
    """

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    working_dir: str | None = None
    user: str | None = None
    network: str | None = None
    ports: Mapping[int, int] = field(default_factory=dict)  # by port inside; 0: the engine chooses one of its machine
    ports_at: str = ""  # the address of the engine's machine where ports are open; empty: all of them
    cpus: float | None = None
    cpuset: str | None = None
    memory: int | None = None
    memory_reservation: int | None = None
    shm_size: int | None = None
    gpus: int | None = None  # -1: all
    ipc: str | None = None
    runtime: str | None = None
    ulimits: tuple[tuple[str, int, int], ...] = ()  # name, soft, hard
    devices: tuple[str, ...] = ()  # HERE:INSIDE:PERMISSIONS; the last two may be missing
    groups: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    interactive: bool = False
    pids: int | None = None  # processes and threads at once
    new_privileges: bool = False  # programs may gain rights by setuid, as sudo does
    host_users: bool = False  # users are those of the machine even where the engine maps them to others


def helper_spec(
    image: str, labels: Mapping[str, str], *mounts: Mount, command: tuple[str, ...] = ("true",), user: str | None = None
) -> ContainerSpec:
    """A container without a name and a network, for a moment; most are never started, and only hold their mounts."""
    return ContainerSpec("", image, command, labels=labels, mounts=mounts, network="none", user=user)


class ContainerState(Struct, frozen=True):
    """What the engine knows of a container. `status` as the engine says it: created, running, exited, dead..."""

    id: str
    name: str
    status: str
    running: bool
    exit_code: int | None = None
    oom_killed: bool = False
    error: str = ""
    started: str | None = None
    finished: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    image: str = ""
    ports: Mapping[int, int] = field(default_factory=dict)  # of the engine's machine, by port inside


class PullProgress(Struct, frozen=True):
    """How far a pull is: bytes over all layers, `total` 0 while unknown."""

    image: str
    status: str
    current: int
    total: int


class OutputStream(Protocol):
    """What a container writes, in order. Iterating blocks; it ends when the container's streams close."""

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]:
        """Chunks as they come: not lines, and any size. Neighbours of one stream may be joined."""

    def close(self) -> None:
        """Stop listening; a blocked iteration in another thread ends."""


class Engine(Protocol):
    """A container engine. See the two implementations: `docker_engine.DockerEngine`, `fake.FakeEngine`."""

    def info(self) -> EngineInfo: ...

    def image(self, reference: str) -> Image | None: ...

    def labelled_images(self, labels: Mapping[str, str | None]) -> list[Image]:
        """All images that have these labels, by id; None matches any value."""

    def commit(self, container: str, reference: str) -> Image:
        """An image of a container's files, its working directory and its labels: mounts and commands are not in it.

        The container must not be running. The image's environment is that of the container.
        """

    def remove_image(self, reference: str) -> None:
        """By id or name; by id with all its names. Gone already is fine. Raises SurroundingsError while it is used."""

    def pull(self, reference: str, progress: Callable[[PullProgress], None] | None = None) -> Image:
        """Raises ImageNotFound with what the registry said."""

    def create(self, spec: ContainerSpec) -> str:
        """Create, do not start; gives the container's id. Raises ImageNotFound when the image is gone."""

    def attach(self, container: str) -> OutputStream:
        """Listen from now on. Called before `start`, nothing is missed."""

    def logs(self, container: str) -> OutputStream:
        """All that the container has written since it started, then on as `attach` does. For adoption after a crash."""

    def start(self, container: str) -> None:
        """Raises SurroundingsError when the engine cannot start it (no GPU, no such user...)."""

    def wait(self, container: str, timeout: float | None = None) -> int | None:
        """The exit code, or None when `timeout` seconds passed first.

        Raises EngineLost when the engine went away, also when it ended the container on its way.
        """

    def state(self, container: str) -> ContainerState | None:
        """None when there is no such container."""

    def stop(self, container: str, grace: float) -> None:
        """SIGTERM to all its processes, SIGKILL after `grace` seconds. Blocks until it stopped; gone is fine."""

    def kill(self, container: str, signal: str = "SIGKILL") -> None: ...

    def remove(self, container: str) -> None:
        """Remove by force, with its anonymous volumes. Gone already is fine."""

    def containers(self, labels: Mapping[str, str | None]) -> list[ContainerState]:
        """All containers, running or not, that have these labels; None matches any value."""

    def execute(
        self, container: str, command: tuple[str, ...], *, user: str = "", detach: bool = False
    ) -> tuple[int, bytes]:
        """Run a command in a running container: exit code and what it wrote; (0, b"") at once when detached."""

    def put_archive(self, container: str, path: str, tar: BinaryIO) -> None:
        """Unpack a tar stream at a folder of a container, which need not be running."""

    def get_archive(self, container: str, path: str) -> Iterator[bytes]:
        """A file or folder of a container as a tar stream. Raises FileNotFoundError."""

    def run(self, spec: ContainerSpec, timeout: float | None = 60.0) -> tuple[int, bytes]:
        """Run a helper container to its end and remove it: exit code and what it wrote."""

    def interactive(self, spec: ContainerSpec) -> int:
        """Run a container in this terminal to its end and remove it: its exit code. Piped input works too."""

    def create_volume(self, name: str, labels: Mapping[str, str], options: Mapping[str, str] | None = None) -> None: ...

    def remove_volume(self, name: str) -> None:
        """Gone already is fine."""

    def volumes(self, labels: Mapping[str, str | None]) -> list[str]: ...

    def create_network(self, name: str, labels: Mapping[str, str]) -> None: ...

    def remove_network(self, name: str) -> None:
        """Gone already is fine. Raises SurroundingsError while a running container is on it."""

    def networks(self, labels: Mapping[str, str | None]) -> list[str]: ...

    def gateway(self, network: str | None = None) -> Gateway | None:
        """How containers of a network reach the engine's machine; None: the network has no way to it.

        Without a network, that of containers for which none is asked.
        """

    def close(self) -> None: ...
