"""The proxy before endpoints: routes by prefix, heads, streams and what it answers itself."""

from __future__ import annotations

import http.client
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from localhai.deployments.proxy import Proxy, Routes
from localhai.errors import SurroundingsError

PREFIX = "me/shop/local/20261124.0/greet"


@pytest.fixture
def backend():
    """A server that sends back what it was sent, once its other side stops sending or a blank line has come."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    data = connection.recv(1 << 16)
                    heard.append(data.decode())
                    if b"Upgrade: echo" in data:
                        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
                        while more := connection.recv(100):
                            connection.sendall(more.upper())
                        continue
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname(), heard
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture
def exact():
    """A server that knows one path, to the letter."""
    found = {}

    class Exact(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path.partition("?")[0] == found["path"] else 404)
            self.end_headers()
            self.wfile.write(self.path.encode())

        do_POST = do_GET  # noqa: N815  # the library's name

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Exact) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_address, found
        server.shutdown()
    thread.join(5)


@pytest.fixture
def proxy():
    made = Proxy(Routes(), 0)
    with made.running():
        yield made


def ask(proxy, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def test_a_request_goes_on_with_its_whole_path_and_the_prefix(proxy, backend) -> None:
    address, heard = backend
    proxy.routes.add(PREFIX, address)
    assert ask(proxy, f"/{PREFIX}/predict?x=/y", **{"X-VH-Prefix": "forged", "X-Own": "kept"}) == (200, "ok")
    head = heard[0].split("\r\n")
    assert head[0] == f"GET /{PREFIX}/predict?x=/y HTTP/1.1"
    assert [line for line in head if line.startswith("X-VH-Prefix")] == [f"X-VH-Prefix: {PREFIX}"]
    assert "X-Own: kept" in head
    assert "Connection: close" in head
    assert ask(proxy, f"/{PREFIX}") == (200, "ok")


def test_a_connection_that_changes_its_protocol_passes_both_ways(proxy, backend) -> None:
    proxy.routes.add(PREFIX, backend[0])
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(f"GET /{PREFIX}/ws HTTP/1.1\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 101")
        client.sendall(b"hello")
        assert client.recv(5) == b"HELLO"
    assert "Connection: Upgrade" in backend[1][0]


def test_what_is_not_served_is_answered_with_what_is(proxy, backend) -> None:
    proxy.routes.add(PREFIX, backend[0])
    status, text = ask(proxy, f"/{PREFIX}ing/")
    assert status == 404
    assert f"/{PREFIX}/" in text


def test_a_server_that_is_gone_is_a_502(proxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()
    proxy.routes.add(PREFIX, address)
    assert ask(proxy, f"/{PREFIX}/")[0] == 502


@pytest.mark.parametrize("data", [b"", b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x"])
def test_a_client_that_speaks_no_http_hurts_nobody(proxy, data) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        client.recv(1000)
    assert ask(proxy, "/")[0] == 404


def test_a_port_in_use_is_said_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SurroundingsError, match="is in use") as caught:
        Proxy(Routes(), taken.getsockname()[1])
    assert "--port 0" in caught.value.hints[0]


@pytest.mark.parametrize("known", [f"/{PREFIX}", f"/{PREFIX}/"])
def test_a_server_that_matches_its_root_exactly_answers_with_a_slash_and_without(proxy, exact, known):
    address, found = exact
    proxy.routes.add(PREFIX, address)
    found["path"] = known
    assert ask(proxy, f"/{PREFIX}?a=1") == (200, f"{known}?a=1")
    assert ask(proxy, f"/{PREFIX}/?a=1") == (200, f"{known}?a=1")


def test_all_other_paths_go_on_as_they_are(proxy, exact):
    address, found = exact
    proxy.routes.add(PREFIX, address)
    found["path"] = f"/{PREFIX}/predict"
    assert ask(proxy, f"/{PREFIX}/predict")[0] == 200
    assert ask(proxy, f"/{PREFIX}/predict/") == (404, f"/{PREFIX}/predict/")
    assert ask(proxy, f"/{PREFIX}")[0] == 404
