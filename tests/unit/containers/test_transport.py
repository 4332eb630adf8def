"""Whether the engine that was asked before is still the one that answers."""

from __future__ import annotations

import http.server
import os
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from localhai.containers.docker.transport import Address, Transport
from localhai.errors import EngineLost


class Door(socketserver.ThreadingUnixStreamServer):
    """Answers every GET with {} and keeps its connections open; `connections` are those it has."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.connections: list[Answer] = []
        super().__init__(str(path), Answer)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def close_door(self) -> None:
        """Take no new connections; the old ones are still answered."""
        self.shutdown()
        self.server_close()

    def end(self) -> None:
        """Close the old ones too."""
        for connection in self.connections:
            connection.connection.shutdown(2)


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Door

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.sock"


@pytest.fixture
def transport(path: Path) -> Iterator[Transport]:
    made = Transport(Address(f"unix://{path}"))
    yield made
    made.close()


def test_an_engine_that_goes_on_is_sure(path: Path, transport: Transport) -> None:
    door = Door(path)
    transport.call("GET", "/version")
    transport.make_sure(5)
    assert transport.call("GET", "/version") == {}
    assert len(door.connections) == 2  # one was asked for this alone, the other is used again
    door.close_door()


def test_an_engine_on_its_way_out_answers_on_old_connections_only(path: Path, transport: Transport) -> None:
    door = Door(path)
    transport.call("GET", "/version")
    door.close_door()
    assert transport.call("GET", "/version") == {}
    with pytest.raises(EngineLost):
        transport.make_sure(5)


def test_an_engine_in_the_place_of_another_is_another(path: Path, transport: Transport) -> None:
    door = Door(path)
    transport.call("GET", "/version")
    door.close_door()
    door.end()
    path.unlink()
    successor = Door(path)
    with pytest.raises(EngineLost, match="it was restarted"):
        transport.make_sure(5)
    assert transport.call("GET", "/version") == {}
    successor.close_door()


def test_an_idle_connection_is_looked_at_whatever_its_number(path: Path, transport: Transport) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip("this system gives no descriptor above 1023")
    door = Door(path)
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (1200, hard))
    try:
        taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(1030)]
        transport.call("GET", "/version")
        assert transport.call("GET", "/version") == {}
        assert len(door.connections) == 1, "the idle one was used again"
    finally:
        for number in taken:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        door.close_door()


def test_forked_children_ask_over_connections_of_their_own(path: Path, transport: Transport) -> None:
    """Over one shared connection, one of two who ask at once would hear the other's answer."""
    door = Door(path)
    transport.call("GET", "/version")
    with transport._lock:  # as if another thread of the parent were just in there
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if transport.call("GET", "/version") == {} else 1
            finally:
                os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(door.connections) == 2
    assert transport.call("GET", "/version") == {}
    assert len(door.connections) == 2, "the parent's is still its own"
    door.close_door()
