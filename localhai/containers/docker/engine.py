"""The Engine protocol over Docker's HTTP API (Docker 19.03 and later, Podman 4 and later)."""

from __future__ import annotations

import contextlib
import os
import time
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.containers.docker import payload
from localhai.containers.docker.errors import CONFLICT, NOT_FOUND, NOT_MODIFIED, EngineRefused, refused
from localhai.containers.docker.images import DockerImages
from localhai.containers.docker.stream import ContainerOutput, LogDemultiplexer, ReplySource, SocketSource
from localhai.containers.docker.transport import ANSWER_WITHIN, path_part
from localhai.containers.engine import Gateway
from localhai.containers.launching import TELL_OTHERS
from localhai.errors import EngineLost, SurroundingsError
from localhai.system import strict_json
from localhai.vocabulary import SIGNALLED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from localhai.containers.docker.transport import Transport
    from localhai.containers.engine import ContainerSpec, ContainerState, EngineInfo, OutputStream

WAIT_SLICE = 20.0  # seconds of waiting after which the engine is asked whether it still lives
YOUNG = 3.0  # seconds in which a container may not have its handlers yet
ONE_MORE = 1.0
DESKTOP = "host.docker.internal"  # by which containers reach the machine that an engine's virtual machine runs on
SELINUX = "/sys/fs/selinux/enforce"


class DockerEngine(DockerImages):
    """One Docker Engine. Safe for several threads."""

    def __init__(self, transport: Transport, *, podman: bool = False) -> None:
        super().__init__(transport)
        self._podman = podman
        self._info: EngineInfo | None = None
        self._started: dict[str, float] = {}  # when, of those started here

    def info(self) -> EngineInfo:
        if self._info is None:
            self._info = payload.info(self.place, self._call("GET", "/info", doing="describe itself"))
        return self._info

    # the life of a container

    def create(self, spec: ContainerSpec) -> str:
        relabel_off = os.path.exists(SELINUX) and any(mount.kind == "bind" for mount in spec.mounts)
        body = payload.creation(spec, podman=self._podman, relabel_off=relabel_off)
        if spec.interactive:
            from localhai.containers import terminal

            body["Tty"] = terminal.has_terminal()
        query = {"name": spec.name} if spec.name else None
        return str(
            self._call(
                "POST", "/containers/create", query=query, body=body, doing="make the container", reference=spec.image
            )["Id"]
        )

    def attach(self, container: str) -> OutputStream:
        query = {"stream": 1, "stdout": 1, "stderr": 1}
        try:
            return ContainerOutput(SocketSource(self._transport.hijack(f"/containers/{container}/attach", query)))
        except EngineRefused as error:
            raise refused(error.message, "listen to the container") from error

    def logs(self, container: str) -> OutputStream:
        query = {"follow": 1, "stdout": 1, "stderr": 1, "timestamps": 0 if self._podman else 1}
        try:
            reply = self._transport.open("GET", f"/containers/{container}/logs", query=query, timeout=None)
        except EngineRefused as error:
            raise refused(error.message, "read the container's log") from error
        return ContainerOutput(ReplySource(reply), None if self._podman else LogDemultiplexer())

    def start(self, container: str) -> None:
        self._call("POST", f"/containers/{container}/start", doing="start the container", fine=(NOT_MODIFIED,))
        self._started[container] = time.monotonic()

    def wait(self, container: str, timeout: float | None = None) -> int | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = WAIT_SLICE if deadline is None else min(WAIT_SLICE, deadline - time.monotonic())
            if left <= 0:
                found = self.state(container)
                return None if found is None or found.running else found.exit_code
            code = self._wait_once(container, left)
            if code is not None:
                if code >= SIGNALLED:  # perhaps by an engine on its way out: it closes its door first
                    self._transport.make_sure(ANSWER_WITHIN)
                return code
            self._call("GET", "/version")  # a busy engine takes its time

    def _wait_once(self, container: str, seconds: float) -> int | None:
        try:
            answer = self._call("POST", f"/containers/{container}/wait", timeout=seconds)
        except EngineRefused as error:
            raise refused(error.message, "wait for the container") from error
        except EngineLost as error:
            if isinstance(error.__cause__, TimeoutError):
                return None
            raise
        if not answer:  # an engine that shuts down ends its answer without one
            raise EngineLost("the Docker Engine shut down")
        return int(answer["StatusCode"])

    def state(self, container: str) -> ContainerState | None:
        try:
            return payload.state(self._call("GET", f"/containers/{container}/json"))
        except EngineRefused as error:
            if error.status == NOT_FOUND:
                return None
            raise refused(error.message, "look at the container") from error

    def stop(self, container: str, grace: float) -> None:
        deadline = time.monotonic() + grace
        self._terminate(container)
        while (left := deadline - time.monotonic()) > 0:
            young = time.monotonic() - self._started.get(container, 0.0) < YOUNG
            if self._has_ended(container, min(left, ONE_MORE) if young else left):
                return
            if young:  # its process 1 may not have been ready to hear
                self.kill(container, "SIGTERM")
        self.kill(container)
        self._has_ended(container, None)

    def _terminate(self, container: str) -> None:
        """SIGTERM to process 1, and to all others where it does not pass it on (`launching`)."""
        self.kill(container, "SIGTERM")
        try:
            self.execute(container, TELL_OTHERS, user="0", detach=True)
        except EngineLost:
            raise
        except SurroundingsError:  # it has ended, or has no shell
            return

    def _has_ended(self, container: str, within: float | None) -> bool:
        try:
            return self.wait(container, within) is not None
        except EngineLost:
            raise
        except SurroundingsError:  # there is no such container
            return True

    def kill(self, container: str, signal: str = "SIGKILL") -> None:
        self._call(
            "POST",
            f"/containers/{container}/kill",
            query={"signal": signal},
            doing="kill the container",
            fine=(NOT_FOUND, CONFLICT),
        )

    def remove(self, container: str) -> None:
        self._started.pop(container, None)
        self._call(
            "DELETE",
            f"/containers/{container}",
            query={"force": 1, "v": 1},
            doing="remove the container",
            fine=(NOT_FOUND, CONFLICT),  # conflict: another removal is under way
        )

    def containers(self, labels: Mapping[str, str | None]) -> list[ContainerState]:
        query = {"all": 1, "filters": strict_json.dumps({"label": payload.label_filter(labels)})}
        return [payload.listed(row) for row in self._call("GET", "/containers/json", query=query, doing="list") or ()]

    def execute(
        self, container: str, command: tuple[str, ...], *, user: str = "", detach: bool = False
    ) -> tuple[int, bytes]:
        """Run a command in a running container: its exit code and what it wrote; (0, b"") at once when detached."""
        body = {"Cmd": list(command), "User": user, "AttachStdout": not detach, "AttachStderr": not detach}
        made = self._call("POST", f"/containers/{container}/exec", body=body, doing="run a command in the container")
        path = f"/exec/{made['Id']}"
        if detach:
            self._call("POST", f"{path}/start", body={"Detach": True}, doing="run a command in the container")
            return 0, b""
        try:
            hijacked = self._transport.hijack(f"{path}/start", {}, {"Detach": False, "Tty": False})
        except EngineRefused as error:
            raise refused(error.message, "run a command in the container") from error
        said = b"".join(data for _stream, data in ContainerOutput(SocketSource(hijacked)))
        return int(self._call("GET", f"{path}/json", doing="end a command")["ExitCode"]), said

    def run(self, spec: ContainerSpec, timeout: float | None = 60.0) -> tuple[int, bytes]:
        container = self.create(spec)
        try:
            self.start(container)
            code = self.wait(container, timeout)
            if code is None:
                raise SurroundingsError(f"a helper container did not end within {timeout:g} seconds")
            return code, b"".join(data for _stream, data in self.logs(container))
        finally:
            self.remove(container)

    def interactive(self, spec: ContainerSpec) -> int:
        from localhai.containers import terminal

        container = self.create(replace(spec, interactive=True))
        try:
            query = {"stream": 1, "stdin": 1, "stdout": 1, "stderr": 1}
            tty = terminal.has_terminal()
            hijacked = self._transport.hijack(f"/containers/{container}/attach", query)
            self.start(container)
            with contextlib.ExitStack() as stack:
                if tty:
                    stack.enter_context(terminal.raw_terminal())
                    stack.enter_context(terminal.follow_size(partial(self._resize, container)))
                terminal.converse(hijacked, tty=tty)
            return self.wait(container) or 0
        except EngineRefused as error:
            raise refused(error.message, "open a terminal in the container") from error
        finally:
            self.remove(container)

    def _resize(self, container: str, rows: int, columns: int) -> None:
        with contextlib.suppress(SurroundingsError):
            self._call("POST", f"/containers/{container}/resize", query={"h": rows, "w": columns}, doing="resize")

    # files

    def put_archive(self, container: str, path: str, tar: BinaryIO) -> None:
        self._call(
            "PUT", f"/containers/{container}/archive", query={"path": path}, body=tar, doing=f"copy files to {path}"
        )

    def get_archive(self, container: str, path: str) -> Iterator[bytes]:
        try:
            reply = self._transport.open("GET", f"/containers/{container}/archive", query={"path": path})
        except EngineRefused as error:
            if error.status == NOT_FOUND:
                raise FileNotFoundError(path) from error
            raise refused(error.message, f"copy files from {path}") from error
        with contextlib.closing(reply):
            while data := reply.read_some():
                yield data

    # volumes and networks

    def create_volume(self, name: str, labels: Mapping[str, str], options: Mapping[str, str] | None = None) -> None:
        body = {"Name": name, "Driver": "local", "Labels": dict(labels), "DriverOpts": dict(options or {})}
        self._call("POST", "/volumes/create", body=body, doing=f"make the volume {name}")

    def remove_volume(self, name: str) -> None:
        self._call("DELETE", f"/volumes/{path_part(name)}", doing=f"remove the volume {name}", fine=(NOT_FOUND,))

    def volumes(self, labels: Mapping[str, str | None]) -> list[str]:
        query = {"filters": strict_json.dumps({"label": payload.label_filter(labels)})}
        return [str(row["Name"]) for row in self._call("GET", "/volumes", query=query, doing="list")["Volumes"] or ()]

    def create_network(self, name: str, labels: Mapping[str, str]) -> None:
        body = {"Name": name, "Labels": dict(labels), "CheckDuplicate": True}
        self._call("POST", "/networks/create", body=body, doing=f"make the network {name}")

    def remove_network(self, name: str) -> None:
        self._call("DELETE", f"/networks/{path_part(name)}", doing=f"remove the network {name}", fine=(NOT_FOUND,))

    def networks(self, labels: Mapping[str, str | None]) -> list[str]:
        query = {"filters": strict_json.dumps({"label": payload.label_filter(labels)})}
        return [str(row["Name"]) for row in self._call("GET", "/networks", query=query, doing="list") or ()]

    def gateway(self, network: str | None = None) -> Gateway | None:
        if network == "host":
            return Gateway("127.0.0.1")
        if self.info().desktop:
            return None if network == "none" else Gateway(DESKTOP)
        name = network or ("podman" if self._podman else "bridge")
        found = self._call("GET", f"/networks/{path_part(name)}", doing=f"describe the network {name}")
        return payload.gateway(found)

    def close(self) -> None:
        self._transport.close()
