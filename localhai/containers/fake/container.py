"""A container of the fake engine: a Python function that runs on a thread and sees the mounts as folders."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from localhai.containers.engine import ContainerState
from localhai.containers.trees.layout import CONFIG, OUTPUTS
from localhai.errors import EngineLost

if TYPE_CHECKING:
    from localhai.containers.engine import ContainerSpec, Stream

TERMINATED, KILLED, CRASHED = 143, 137, 1


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()


class Stopped(Exception):
    """Raised inside a behaviour that sleeps or writes after a stop was asked: the container ends with 143."""


class Killed(Exception):
    """Raised inside a behaviour whose container was killed or removed."""


class FakeContainer:
    """What a behaviour gets. Files of the container are reached with `path`; output is written with `out` and `err`."""

    def __init__(
        self,
        id: str,  # noqa: A002 - as in ContainerState
        name: str,
        spec: ContainerSpec,
        mounts: Sequence[tuple[str, Path]],
        answer: Callable[[], None],
    ) -> None:
        self.id = id
        self.name = name
        self.spec = spec
        self.mounts = sorted(mounts, key=lambda item: len(item[0]), reverse=True)
        self.written: list[tuple[Stream, bytes]] = []
        self.executed: list[tuple[tuple[str, ...], str]] = []
        self.stop_asked = threading.Event()
        self.oom_killed = False
        self.layer: Path | None = None  # files outside all mounts: what an archive or the image brought
        self.published: dict[int, int] = {}
        self.addresses: tuple[str, ...] = ()
        self.changed = threading.Condition()
        self._answer = answer
        self._started: str | None = None
        self._finished: str | None = None
        self._exit_code: int | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        return self.spec.environment

    @property
    def step(self) -> str | None:
        """The step's name, from /valohai/config/execution.json; None for a helper."""
        found = self.config("execution.json").get("valohai.execution-step")
        return str(found) if found is not None else None

    @property
    def parameters(self) -> dict[str, object]:
        """As in /valohai/config/parameters.json."""
        return self.config("parameters.json")

    def config(self, name: str) -> dict[str, object]:
        """A JSON file of /valohai/config; empty when there is none."""
        try:
            data = json.loads(self.path(f"{CONFIG}/{name}").read_bytes())
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def path(self, inside: str) -> Path:
        """Where a path of the container is on this machine. Raises FileNotFoundError outside of all that there is."""
        for target, source in self.mounts:
            if inside == target:
                return source
            if inside.startswith(f"{target}/"):
                return source / inside[len(target) + 1 :]
        if self.layer is not None:
            return self.layer / inside.lstrip("/")
        raise FileNotFoundError(inside)

    def listen(self, port: int, on: int) -> None:
        """Say that who asks for `port` of this container finds port `on` of this machine."""
        self.published[port] = on

    def out(self, text: str | bytes) -> None:
        """Write to stdout."""
        self._write("stdout", text)

    def err(self, text: str | bytes) -> None:
        """Write to stderr."""
        self._write("stderr", text)

    def sleep(self, seconds: float) -> None:
        """Wait as a program would that dies of SIGTERM: raises Stopped, Killed."""
        self.stop_asked.wait(seconds)
        self._check()
        if self.stop_asked.is_set():
            raise Stopped

    @property
    def running(self) -> bool:
        return self._started is not None and self._exit_code is None

    def begin(self, behaviour: Behaviour) -> None:
        if self._started is None:
            self._started = _now()
            threading.Thread(target=self._live, args=(behaviour,), name=self.name, daemon=True).start()

    def end(self, exit_code: int) -> None:
        """Ends it unless it ended before."""
        with self.changed:
            if self._exit_code is None:
                self._exit_code = exit_code
                self._finished = _now()
            self.stop_asked.set()
            self.changed.notify_all()

    def lose(self, why: str) -> None:
        """End it so that nobody knows how: who waits or listens hears EngineLost, and its execution is `crashed`."""

        def lost() -> None:
            raise EngineLost(why)

        self._answer = lost
        self.end(KILLED)

    def wake(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def wait(self, timeout: float | None) -> int | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        with self.changed:
            while self._exit_code is None:
                self._answer()
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self.changed.wait(left)
            self._answer()
            return self._exit_code

    def read(self, position: int, closed: threading.Event) -> list[tuple[Stream, bytes]]:
        """What was written since; blocks until there is something. Empty: that was all. Raises EngineLost."""
        with self.changed:
            while len(self.written) <= position and self._exit_code is None and not closed.is_set():
                self._answer()
                self.changed.wait()
            self._answer()
            return self.written[position:]

    def state(self) -> ContainerState:
        status = "created" if self._started is None else "running" if self.running else "exited"
        return ContainerState(
            self.id,
            self.name,
            status,
            self.running,
            exit_code=self._exit_code,
            oom_killed=self.oom_killed,
            started=self._started,
            finished=self._finished,
            labels=dict(self.spec.labels),
            addresses=self.addresses if self.running else (),
            image=self.spec.image,
            ports=dict(self.published),
        )

    def _live(self, behaviour: Behaviour) -> None:
        try:
            code = behaviour(self) or 0
        except Stopped:
            code = TERMINATED
        except Killed:
            code = KILLED
        except Exception as error:  # noqa: BLE001 - a behaviour is a test's: what it raises is a crash of the step
            self._say("stderr", f"{type(error).__name__}: {error}\n".encode())
            code = CRASHED
        self.end(code)

    def _write(self, stream: Stream, text: str | bytes) -> None:
        self._check()
        self._say(stream, text.encode() if isinstance(text, str) else text)

    def _say(self, stream: Stream, data: bytes) -> None:
        with self.changed:
            if data and self._exit_code is None:
                self.written.append((stream, data))
            self.changed.notify_all()

    def _check(self) -> None:
        if self._exit_code is not None:
            raise Killed


class FakeOutput:
    """An `OutputStream` of a fake container, from one of its chunks on."""

    def __init__(self, container: FakeContainer, position: int) -> None:
        self._container = container
        self._position = position
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]:
        while True:
            chunks = self._container.read(self._position, self._closed)
            if not chunks or self._closed.is_set():
                return
            self._position += len(chunks)
            yield from chunks

    def close(self) -> None:
        self._closed.set()
        self._container.wake()


Behaviour = Callable[[FakeContainer], "int | None"]


class Canned(Struct, frozen=True):
    """A step that writes this and ends: `output` on stdout (or chunks of both streams), `files` into outputs."""

    output: str | bytes | Sequence[tuple[Stream, bytes]] = ()
    exit_code: int = 0
    files: Mapping[str, bytes | str] = field(default_factory=dict)
    oom_killed: bool = False

    def play(self, container: FakeContainer) -> int:
        """The behaviour."""
        for name, content in self.files.items():
            target = container.path(f"{OUTPUTS}/{name}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        if isinstance(self.output, str | bytes):
            container.out(self.output)
        else:
            for stream, data in self.output:
                (container.out if stream == "stdout" else container.err)(data)
        container.oom_killed = self.oom_killed
        return self.exit_code
