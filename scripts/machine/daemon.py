"""Installing and starting a Docker Engine on a machine that has none: root on Debian or Ubuntu."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from machine import system
from machine.engine import SocketEngine
from machine.say import Trouble, say

if TYPE_CHECKING:
    from collections.abc import Sequence

START = 60.0  # seconds from dockerd's start to its first answer; a first start makes folders and firewall rules
LOG_TAIL = 12  # lines

CONTAINERD_SOCKET = Path("/run/containerd/containerd.sock")
CONTAINERD_PID = Path("/var/run/docker/containerd/containerd.pid")


@dataclass(frozen=True)
class Daemon:
    """How one dockerd is started and recognised. The defaults are its own, so /etc/docker/daemon.json keeps its say."""

    socket: Path = Path("/var/run/docker.sock")
    pid_file: Path = Path("/var/run/docker.pid")
    containerd_pid: Path = CONTAINERD_PID
    log: Path = Path("/var/log/localhai-dockerd.log")
    arguments: Sequence[str] = ()

    @property
    def engine(self) -> SocketEngine:
        return SocketEngine(f"unix://{self.socket}")


def bring_up() -> SocketEngine:
    """An engine that answers, installed if need be and started. Raises Trouble."""
    daemon = Daemon()
    if shutil.which("dockerd") is None:
        system.install("docker.io", "iptables", "ca-certificates")
        if shutil.which("docker") is None:  # newer releases keep the client in a package of its own
            with contextlib.suppress(Trouble):
                system.install("docker-cli")
    if os.path.isdir("/run/systemd/system"):
        _start_by_systemd(daemon)
    else:
        start(daemon)
    return daemon.engine


def _start_by_systemd(daemon: Daemon) -> None:
    say("starting the Docker Engine (systemctl start docker)")
    done = subprocess.run(["systemctl", "start", "docker"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode or not answers(daemon, START):
        raise Trouble("systemd did not bring the Docker Engine up.", "See: journalctl -u docker -n 50")


def start(daemon: Daemon) -> None:
    """Start dockerd so that it outlives us, and wait until it answers. Raises Trouble with the tail of its log."""
    process = None
    if not _is_process(_pid(daemon.pid_file), "dockerd"):  # else somebody else is starting it: wait with them
        clear_leftovers(daemon)
        say(f"starting the Docker Engine (log: {daemon.log})")
        process = _spawn(daemon)
    if not answers(daemon, START, process):
        ended = process is not None and process.poll() is not None
        fate = "ended at once" if ended else f"did not answer on {daemon.socket} within {START:.0f} s"
        raise Trouble(
            f"dockerd {fate}. The end of {daemon.log}:",
            *(f"  {line}" for line in _tail(daemon.log)),
            "In a container an engine needs --privileged; or the host's socket: -v /var/run/docker.sock:...",
        )


def _spawn(daemon: Daemon) -> subprocess.Popen[bytes]:
    command = ["dockerd", *daemon.arguments]
    with open(daemon.log, "ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env={"PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"} | dict(os.environ),
        )


def answers(daemon: Daemon, patience: float, process: subprocess.Popen[bytes] | None = None) -> bool:
    """Whether the engine answers within `patience` seconds; false at once when `process` ends."""
    give_up = time.monotonic() + patience
    while time.monotonic() < give_up:
        with contextlib.suppress(OSError):
            daemon.engine.version()
            return True
        if process and process.poll() is not None:
            return False
        time.sleep(0.1)
    return False


def clear_leftovers(daemon: Daemon) -> None:
    """Remove what a killed engine left: dockerd believes a pid file whose number any process has by now."""
    for pid_file, name in ((daemon.pid_file, "dockerd"), (daemon.containerd_pid, "containerd")):
        if pid_file.exists() and not _is_process(_pid(pid_file), name):
            say(f"removing {pid_file}, left behind by an engine that is gone")
            pid_file.unlink(missing_ok=True)
    if CONTAINERD_SOCKET.exists() and not _listens(CONTAINERD_SOCKET):
        say(f"removing {CONTAINERD_SOCKET}: no containerd listens there")
        CONTAINERD_SOCKET.unlink(missing_ok=True)


def _pid(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _is_process(pid: int | None, name: str) -> bool:
    """Whether a process of that name lives; a zombie does not, though dockerd would take it for one that does."""
    with contextlib.suppress(OSError):
        comm, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
        return comm.partition("(")[2] == name and rest.split()[0] != "Z"
    return False


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client, contextlib.suppress(OSError):
        client.settimeout(2)
        client.connect(str(path))
        return True
    return False


def _tail(log: Path) -> list[str]:
    """The last lines that tell of trouble: dockerd chats of its connections while it dies."""
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if "level=info" not in line][-LOG_TAIL:]
    return ["(no log)"]
