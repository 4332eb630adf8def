r"""A FakeEngine for tests: containers are Python functions, folders are this machine's. No Docker, nothing random.

Shipped as `localhai.testing.FakeEngine`, so that a pipeline's wiring can be tested in seconds::

    engine = FakeEngine()
    engine.behave(Canned(output="{\"accuracy\": 0.9}\n", files={"model.txt": b"..."}), step="train")
"""

from __future__ import annotations

import fnmatch
import hashlib
import itertools
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from msgspec.structs import replace

from localhai.containers.engine import EngineInfo, Gateway, Image, PullProgress
from localhai.containers.fake.container import Behaviour, Canned, FakeContainer, FakeOutput, Killed, Stopped
from localhai.containers.images import image_hints
from localhai.containers.labels import HELPER
from localhai.containers.trees import archives
from localhai.errors import EngineLost, ImageNotFound, SurroundingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from localhai.containers.engine import ContainerSpec, ContainerState, OutputStream

__all__ = ["Behaviour", "Canned", "FakeContainer", "FakeEngine", "Killed", "Stopped"]

_PLACE = "fake://localhai"
COMMITTED = "localhai/"  # images of these names are only what `commit` made


class FakeEngine:
    """An `Engine` in memory.

    `images` are names (wildcards allowed) that are on the engine, `pullable` those that a registry would give; all
    others are not found. `user` is the images' USER.
    """

    def __init__(self, *, images: Iterable[str] = ("*",), pullable: Iterable[str] = (), user: str = "") -> None:
        self.images = list(images)
        self.pullable = list(pullable)
        self.pulled: list[str] = []
        self.user = user
        self._behaviours: list[tuple[str, str, Behaviour]] = []
        self._containers: dict[str, FakeContainer] = {}
        self._volumes: dict[str, tuple[Path, dict[str, str]]] = {}
        self._networks: dict[str, dict[str, str]] = {}
        self._committed: dict[str, tuple[Path, FakeContainer]] = {}
        self._numbers = itertools.count(1)
        self._addresses = itertools.count(2)
        self._lock = threading.RLock()
        self._lost: str | None = None

    # what a test says

    def behave(self, behaviour: Behaviour | Canned, *, step: str = "*", image: str = "*") -> None:
        """What containers of a step and image (wildcards allowed) do. The last one that fits counts.

        A function gets the `FakeContainer` and gives the exit code; None means 0. Without any, containers do nothing
        and end well.
        """
        self._behaviours.append((step, image, behaviour.play if isinstance(behaviour, Canned) else behaviour))

    def lose(self, why: str = "the fake engine was told to be lost") -> None:
        """From now on nothing answers, and who waits or listens hears so."""
        self._lost = why
        for container in list(self._containers.values()):
            container.wake()

    def come_back(self) -> None:
        """Answer again; what ran has been killed, as when an engine restarts."""
        for container in self._containers.values():
            container.end(137)
        self._lost = None

    @property
    def all_containers(self) -> list[FakeContainer]:
        """Those that were not removed."""
        return list(self._containers.values())

    # what an engine is asked

    def info(self) -> EngineInfo:
        self._answer()
        return EngineInfo(_PLACE, "fake", "1", "amd64", cpus=4, memory=8 * 1024**3, id="fake")

    def image(self, reference: str) -> Image | None:
        self._answer()
        wanted = [*self.images, *self.pulled]
        if reference in self._committed:
            made = self._committed[reference][1]
            return replace(self._image(reference), labels=dict(made.spec.labels))
        if reference.startswith(COMMITTED):
            return None
        return self._image(reference) if any(fnmatch.fnmatchcase(reference, item) for item in wanted) else None

    def pull(self, reference: str, progress: Callable[[PullProgress], None] | None = None) -> Image:
        self._answer()
        if not any(fnmatch.fnmatchcase(reference, item) for item in (*self.pullable, *self.images)):
            raise ImageNotFound(f"there is no image {reference}", where=reference, hints=image_hints(reference))
        if progress is not None:
            progress(PullProgress(reference, "Pull complete", 100, 100))
        self.pulled.append(reference)
        return self._image(reference)

    def create(self, spec: ContainerSpec) -> str:
        self._answer()
        with self._lock:
            number = next(self._numbers)
            names = {container.name for container in self._containers.values()}
            if spec.name in names:
                raise SurroundingsError(f"the container name {spec.name} is in use")
            mounts = [(mount.target, self._source(mount.kind, mount.source)) for mount in spec.mounts]
            key = hashlib.sha256(str(number).encode()).hexdigest()
            name = spec.name or f"fake-{number}"
            made = FakeContainer(key, name, spec, mounts, self._answer)
            made.addresses = self._addresses_of(spec)
            self._containers[key] = made
            if spec.image in self._committed:
                made.layer = Path(tempfile.mkdtemp(prefix="localhai-fake-"))
                shutil.copytree(self._committed[spec.image][0], made.layer, symlinks=True, dirs_exist_ok=True)
            return key

    def labelled_images(self, labels: Mapping[str, str | None]) -> list[Image]:
        self._answer()
        found = [self.image(name) for name, (_, made) in self._committed.items() if _fits(made.spec.labels, labels)]
        return [image for image in found if image is not None]

    def commit(self, container: str, reference: str) -> Image:
        found = self._get(container)
        self.remove_image(reference)
        folder = Path(tempfile.mkdtemp(prefix="localhai-fake-"))
        if found.layer is not None:
            shutil.copytree(found.layer, folder, symlinks=True, dirs_exist_ok=True)
        self._committed[reference] = (folder, found)
        return replace(self._image(reference), labels=dict(found.spec.labels))

    def remove_image(self, reference: str) -> None:
        self._answer()
        if any(item.spec.image == reference for item in self._containers.values()):
            raise SurroundingsError(f"the image {reference} is used by a container")
        found = self._committed.pop(reference, None)
        if found is not None:
            shutil.rmtree(found[0])

    def _addresses_of(self, spec: ContainerSpec) -> tuple[str, ...]:
        """On a network that was made, a loopback address of its own: on Linux, behaviours can listen and connect."""
        network = spec.network or ""
        if network.startswith("container:"):
            return self._get(network.partition(":")[2]).addresses
        if network not in self._networks:
            return ()
        number = next(self._addresses)
        return (f"127.{64 + os.getpid() % 128}.{number // 256 % 256}.{number % 256}",)

    def attach(self, container: str) -> OutputStream:
        found = self._get(container)
        return FakeOutput(found, len(found.written))

    def logs(self, container: str) -> OutputStream:
        return FakeOutput(self._get(container), 0)

    def start(self, container: str) -> None:
        found = self._get(container)
        found.begin(self._behaviour(found))

    def wait(self, container: str, timeout: float | None = None) -> int | None:
        return self._get(container).wait(timeout)

    def state(self, container: str) -> ContainerState | None:
        self._answer()
        found = self._containers.get(container)
        return found.state() if found is not None else None

    def stop(self, container: str, grace: float) -> None:
        self._answer()
        found = self._containers.get(container)
        if found is not None and found.running:
            found.stop_asked.set()
            if found.wait(grace) is None:
                found.end(137)

    def kill(self, container: str, signal: str = "SIGKILL") -> None:
        self._answer()
        found = self._containers.get(container)
        if found is not None and found.running:
            if signal.removeprefix("SIG") == "KILL":
                found.end(137)
            else:
                found.stop_asked.set()

    def remove(self, container: str) -> None:
        self._answer()
        found = self._containers.pop(container, None)
        if found is not None:
            found.end(137)
            if found.layer is not None:
                shutil.rmtree(found.layer, ignore_errors=True)

    def containers(self, labels: Mapping[str, str | None]) -> list[ContainerState]:
        self._answer()
        return [item.state() for item in self._containers.values() if _fits(item.spec.labels, labels)]

    def execute(
        self, container: str, command: tuple[str, ...], *, user: str = "", detach: bool = False
    ) -> tuple[int, bytes]:
        """There is no program to run: remembered as (command, user) in `FakeContainer.executed`, always 127."""
        found = self._get(container)
        found.executed.append((command, user))
        return (0 if detach else 127), b""

    def run(self, spec: ContainerSpec, timeout: float | None = 60.0) -> tuple[int, bytes]:
        container = self.create(spec)
        try:
            self._get(container).begin(Canned().play)
            code = self.wait(container, timeout)
            if code is None:
                raise SurroundingsError("a helper container did not end")
            return code, b"".join(data for _stream, data in self._get(container).written)
        finally:
            self.remove(container)

    def interactive(self, spec: ContainerSpec) -> int:
        """Runs it like any other; nothing is typed."""
        container = self.create(spec)
        try:
            self.start(container)
            return self.wait(container) or 0
        finally:
            self.remove(container)

    def put_archive(self, container: str, path: str, tar: BinaryIO) -> None:
        found = self._get(container)
        with tempfile.TemporaryDirectory(prefix="localhai-fake-") as folder:
            archives.unpack(iter(lambda: tar.read(1 << 20), b""), Path(folder), strip=0)
            if found.layer is None:
                found.layer = Path(tempfile.mkdtemp(prefix="localhai-fake-"))
            shutil.copytree(folder, found.layer / path.lstrip("/"), symlinks=True, dirs_exist_ok=True)
            for target, source in found.mounts:
                inside = Path(folder) / target.removeprefix(path).lstrip("/")
                if inside.is_dir():
                    shutil.copytree(inside, source, symlinks=True, dirs_exist_ok=True)

    def get_archive(self, container: str, path: str) -> Iterator[bytes]:
        source = self._get(container).path(path)
        if not os.path.lexists(source):
            raise FileNotFoundError(path)
        name = os.path.basename(path)
        if source.is_dir():
            entries: Iterable[archives.ArchiveMember] = archives.tree_entries(source, name, opened=False)
        else:
            entries = [archives.ArchiveMember(name, source, 0o644)]
        packed = archives.pack(entries)
        return iter(lambda: packed.read(1 << 20), b"")

    def create_volume(self, name: str, labels: Mapping[str, str], options: Mapping[str, str] | None = None) -> None:
        self._answer()
        if options:
            raise SurroundingsError("the fake engine has plain volumes only")
        if name not in self._volumes:
            self._volumes[name] = (Path(tempfile.mkdtemp(prefix="localhai-fake-")), dict(labels))

    def remove_volume(self, name: str) -> None:
        self._answer()
        found = self._volumes.pop(name, None)
        if found is not None:
            shutil.rmtree(found[0])

    def volumes(self, labels: Mapping[str, str | None]) -> list[str]:
        self._answer()
        return [name for name, (_folder, found) in self._volumes.items() if _fits(found, labels)]

    def create_network(self, name: str, labels: Mapping[str, str]) -> None:
        self._answer()
        self._networks[name] = dict(labels)

    def remove_network(self, name: str) -> None:
        self._answer()
        if any(container.running and container.spec.network == name for container in self._containers.values()):
            raise SurroundingsError(f"the network {name} has active endpoints")
        self._networks.pop(name, None)

    def networks(self, labels: Mapping[str, str | None]) -> list[str]:
        self._answer()
        return [name for name, found in self._networks.items() if _fits(found, labels)]

    def gateway(self, network: str | None = None) -> Gateway | None:
        return None if network == "none" else Gateway("127.0.0.1")

    def close(self) -> None:
        """Everything goes, volumes too."""
        for container in self._containers.values():
            container.end(137)
            if container.layer is not None:
                shutil.rmtree(container.layer, ignore_errors=True)
        while self._committed:
            shutil.rmtree(self._committed.popitem()[1][0], ignore_errors=True)
        while self._volumes:
            shutil.rmtree(self._volumes.popitem()[1][0], ignore_errors=True)

    def _answer(self) -> None:
        if self._lost is not None:
            raise EngineLost(self._lost)

    def _get(self, container: str) -> FakeContainer:
        self._answer()
        try:
            return self._containers[container]
        except KeyError:
            raise SurroundingsError(f"there is no container {container}") from None

    def _source(self, kind: str, source: str) -> Path:
        if kind == "bind":
            if not os.path.exists(source):
                raise SurroundingsError(f"the engine cannot see {source}")
            return Path(source)
        if source not in self._volumes:
            self.create_volume(source, {})
        return self._volumes[source][0]

    def _behaviour(self, container: FakeContainer) -> Behaviour:
        if HELPER in container.spec.labels:
            return _hold
        for step, pattern, behaviour in reversed(self._behaviours):
            if fnmatch.fnmatchcase(container.step or "", step) and fnmatch.fnmatchcase(container.spec.image, pattern):
                return behaviour
        return Canned().play

    def _image(self, reference: str) -> Image:
        """Its id is its name: readable in tests."""
        digest = f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}"
        return Image(reference, reference, digest, "amd64", "linux", user=self.user)


def _hold(container: FakeContainer) -> int:
    """A helper that lives until it is removed."""
    container.stop_asked.wait()
    return 0


def _fits(found: Mapping[str, str], wanted: Mapping[str, str | None]) -> bool:
    return all(name in found and value in {None, found[name]} for name, value in wanted.items())
