from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from machine import daemon as daemon_module
from machine.daemon import Daemon, clear_leftovers, start
from machine.say import Trouble
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = Callable[[str, str], Path]

# dockerd is left running on purpose; that is what Python warns of.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

DOCKERD = f"""#!{sys.executable}
import http.server, json, os, pathlib, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(json.dumps({{"Version": "7"}}).encode())
    def log_message(self, *a): pass
    def address_string(self): return ""
pathlib.Path(sys.argv[2]).write_text(str(os.getpid()))
print("started", flush=True)
socketserver.UnixStreamServer(sys.argv[1], Handler).serve_forever()
"""


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setattr(daemon_module, "CONTAINERD_SOCKET", tmp_path / "containerd.sock")
    made = Daemon(
        socket=tmp_path / "d.sock",
        pid_file=tmp_path / "d.pid",
        containerd_pid=tmp_path / "c.pid",
        log=tmp_path / "log",
        arguments=(str(tmp_path / "d.sock"), str(tmp_path / "started.pid")),
    )
    yield made
    with contextlib.suppress(FileNotFoundError):
        os.kill(int((tmp_path / "started.pid").read_text()), signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="dockerd runs on Linux")
def test_dockerd_is_started_apart_from_us(daemon: Daemon, command: Command, tmp_path: Path) -> None:
    command("dockerd", DOCKERD)
    start(daemon)
    pid = int((tmp_path / "started.pid").read_text())
    assert daemon.engine.version() == "7"
    assert os.getsid(pid) == pid  # a session of its own: it outlives the terminal
    assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull
    assert daemon.log.read_text() == "started\n"


def test_a_dockerd_that_fails_shows_the_end_of_its_log(daemon: Daemon, command: Command) -> None:
    command("dockerd", "#!/bin/sh\necho no cgroups here >&2\nexit 1\n")
    with pytest.raises(Trouble, match="ended at once") as caught:
        start(daemon)
    assert "  no cgroups here" in caught.value.advice


def test_a_silent_dockerd_is_given_up(daemon: Daemon, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command("dockerd", '#!/bin/sh\necho $$ > "$2"\nexec sleep 60\n')
    monkeypatch.setattr(daemon_module, "START", 0.5)
    with pytest.raises(Trouble, match="did not answer"):
        start(daemon)


@pytest.mark.parametrize(
    "content", [str(os.getpid()), "999999999", "", "nonsense"], ids=["alive", "dead", "empty", "nonsense"]
)
def test_a_pid_file_without_its_engine_is_removed(daemon: Daemon, content: str) -> None:
    daemon.pid_file.write_text(content)
    daemon.containerd_pid.write_text(content)
    clear_leftovers(daemon)
    assert not daemon.pid_file.exists()
    assert not daemon.containerd_pid.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="dockerd runs on Linux")
def test_a_zombie_is_no_engine(daemon: Daemon, command: Command) -> None:
    dead = subprocess.Popen([command("dockerd", "#!/bin/sh\nexit 0\n")])
    until(lambda: "(dockerd) Z" in Path(f"/proc/{dead.pid}/stat").read_text(encoding="ascii"))
    daemon.pid_file.write_text(str(dead.pid))
    clear_leftovers(daemon)
    dead.wait()
    assert not daemon.pid_file.exists()


def test_the_pid_file_of_a_living_engine_stays(daemon: Daemon, command: Command) -> None:
    alive = subprocess.Popen([command("dockerd", "#!/bin/sh\nread line\n")], stdin=subprocess.PIPE)
    try:
        daemon.pid_file.write_text(str(alive.pid))
        clear_leftovers(daemon)
        assert daemon.pid_file.exists()
    finally:
        alive.communicate()
