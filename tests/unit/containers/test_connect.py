from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import tempfile
import threading
from pathlib import Path

import pytest

from localhai.containers.docker import connect as connecting
from localhai.containers.docker.connect import connect, places
from localhai.errors import EngineLost, EngineNotFound

PONG = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Answers each connection on a Unix socket with one canned answer, and remembers what was asked."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self.asked: list[str] = []
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self._path = str(path)
        self._closed = False
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self._closed:
                connection.close()
                return
            with connection:
                self._open.append(connection)
                while data := connection.recv(65536):
                    self.asked.append(data.split(b"\r\n", 1)[0].decode())
                    connection.sendall(self._answer)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for found in self._open:
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last, contextlib.suppress(OSError):
            last.connect(self._path)  # wakes accept(), which closing its socket does not do everywhere
        self._thread.join()
        self._socket.close()


@pytest.fixture
def short():
    """A folder for sockets, whose paths may have a hundred bytes on macOS."""
    with tempfile.TemporaryDirectory(prefix="lh", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def serve(short):
    servers: list[Server] = []

    def start(name: str = "engine.sock", answer: bytes = PONG) -> tuple[Server, str]:
        path = short / name
        servers.append(Server(path, answer))
        return servers[-1], f"unix://{path}"

    yield start
    for server in servers:
        server.close()


def test_docker_host_is_used_in_the_version_that_the_engine_speaks(serve, tmp_path):
    server, url = serve()
    engine = connect({"DOCKER_HOST": url}, home=tmp_path)

    engine.remove_volume("x")
    engine.close()

    assert engine.place == url
    assert server.asked == ["GET /_ping HTTP/1.1", "DELETE /v1.41/volumes/x HTTP/1.1"]


def test_a_newer_engine_is_spoken_to_in_a_version_that_we_know(serve, tmp_path):
    server, url = serve(answer=PONG.replace(b"1.41", b"9.99"))
    engine = connect({"DOCKER_HOST": url}, home=tmp_path)

    engine.remove_volume("x")
    engine.close()

    assert server.asked[1].startswith("DELETE /v1.")


def test_the_chosen_docker_context_is_used(serve, tmp_path):
    _server, url = serve()
    write_context(tmp_path / ".docker", "faraway", url)

    engine = connect({}, home=tmp_path)
    engine.close()

    assert engine.place == url


def test_a_context_that_is_missing_is_an_error_and_nothing_else_is_tried(tmp_path):
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "gone"}')

    with pytest.raises(EngineNotFound, match="no such context") as caught:
        connect({}, home=tmp_path)

    assert len(caught.value.tried) == 1
    assert "docker context" in caught.value.hints[0]


def test_docker_host_beats_the_context(tmp_path):
    write_context(tmp_path / ".docker", "faraway", "tcp://example:2375")

    names = [place.name for place in places({"DOCKER_HOST": "tcp://other:1"}, tmp_path)]

    assert names == ["DOCKER_HOST=tcp://other:1"]


def test_without_either_every_usual_socket_is_looked_at(tmp_path):
    found = [str(place.name) for place in places({"XDG_RUNTIME_DIR": "/run/user/7"}, tmp_path)]

    assert found[0] == "/var/run/docker.sock"
    assert "/run/user/7/docker.sock" in found
    assert "/run/user/7/podman/podman.sock" in found
    assert str(tmp_path / ".colima/default/docker.sock") in found
    assert str(tmp_path / ".docker/run/docker.sock") in found


@pytest.mark.parametrize(
    "socket_of",
    [
        ".docker/run/docker.sock",  # Docker Desktop
        ".orbstack/run/docker.sock",
        ".rd/docker.sock",  # Rancher Desktop
        ".colima/default/docker.sock",
        ".config/colima/default/docker.sock",
        ".local/share/containers/podman/machine/podman.sock",
    ],
)
def test_engines_of_a_mac_are_found_where_they_listen(serve, short, monkeypatch, socket_of):
    (short / socket_of).parent.mkdir(parents=True)
    _server, url = serve(socket_of)
    found = [place for place in places({}, short) if str(short) in place.name]
    monkeypatch.setattr(connecting, "places", lambda *_: found)  # without those of the machine that runs this

    engine = connect({}, home=short)
    engine.close()

    assert engine.place == url


def test_a_socket_whose_path_is_too_long_is_said_to_be_so(tmp_path):
    """macOS takes 103 bytes, Linux 107."""
    with pytest.raises(EngineNotFound, match="path too long"):
        connect({"DOCKER_HOST": f"unix://{tmp_path}/{'x' * 110}.sock"}, home=tmp_path)


def test_what_each_place_said_is_in_the_error(tmp_path, short):
    nobody = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    nobody.bind(str(short / "dead.sock"))
    nobody.close()

    with pytest.raises(EngineNotFound) as missing:
        connect({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}, home=tmp_path)
    with pytest.raises(EngineNotFound) as refused:
        connect({"DOCKER_HOST": f"unix://{short}/dead.sock"}, home=tmp_path)

    assert missing.value.tried[0][1] == "missing"
    assert refused.value.tried[0][1].startswith("refused")
    assert missing.value.exit_code == 4
    assert "DOCKER_HOST" in missing.value.hints[0]


def test_something_else_behind_the_socket_is_told_apart(serve, tmp_path):
    _server, url = serve(answer=b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope")

    with pytest.raises(EngineNotFound, match="no Docker Engine: it answered 404 nope"):
        connect({"DOCKER_HOST": url}, home=tmp_path)


def test_an_address_that_is_none_is_an_error(tmp_path):
    with pytest.raises(EngineNotFound, match="no address of a Docker Engine"):
        connect({"DOCKER_HOST": "teleport://x"}, home=tmp_path)


def test_an_engine_that_hangs_up_later_is_lost(serve, tmp_path):
    server, url = serve()
    engine = connect({"DOCKER_HOST": url}, home=tmp_path)
    engine.close()
    server.close()

    with pytest.raises(EngineLost):
        engine.info()


def write_context(folder: Path, name: str, host: str) -> None:
    meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))
    (folder / "config.json").write_text(json.dumps({"currentContext": name}))
