"""What stands before the servers of endpoints: finds the endpoint by the path and adds `X-VH-Prefix` (platform.md 9).

The path goes on whole. A server that answers 404 for its very root is asked with a slash behind it too, or without:
some match paths exactly, and whether people write that slash is chance. One request for each connection: after its
head, bytes pass both ways as they are, so streams and WebSockets work.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import cast

from msgspec import Struct, field

from localhai.errors import SurroundingsError

PREFIX_HEADER = "X-VH-Prefix"
MOST_HEAD = 1 << 16
CONNECT_WITHIN = 10.0


class Routes(Struct):
    """Where prefixes lead: `owner/project/deployment/version-or-alias/endpoint` to an address."""

    _places: dict[str, tuple[str, int]] = field(default_factory=dict)

    def add(self, prefix: str, address: tuple[str, int]) -> None:
        """From now on this prefix leads there."""
        self._places[prefix] = address

    def find(self, target: str) -> tuple[str, tuple[str, int]] | None:
        """The prefix of a request's path, and where it leads."""
        path = target.partition("?")[0].lstrip("/")
        for prefix, address in self._places.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                return prefix, address
        return None

    def known(self) -> list[str]:
        """All prefixes."""
        return list(self._places)


class Proxy(socketserver.ThreadingTCPServer):
    """Listens on this machine alone. Raises SurroundingsError when the port is taken."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, routes: Routes, port: int) -> None:
        self.routes = routes
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise SurroundingsError(
                f"port {port} of this machine is in use or may not be used: {error.strerror}",
                where=f"port {port}",
                hints=["choose another: --port N, or --port 0 for any that is free"],
            ) from error

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away in the middle is nobody's fault."""

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Answer in threads while inside."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        client: socket.socket = self.request
        head, rest = _read_head(client)
        if head is None:
            return
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        routes = cast("Proxy", self.server).routes
        found = routes.find(words[1]) if len(words) == 3 else None  # noqa: PLR2004  # method, path, version
        if found is None:
            _answer(client, "404 Not Found", "served here:\n" + "".join(f"  /{item}/\n" for item in routes.known()))
            return
        prefix, address = found
        try:
            backend = socket.create_connection(address, timeout=CONNECT_WITHIN)
        except OSError:
            _answer(client, "502 Bad Gateway", "the server of this endpoint does not answer\n")
            return
        with backend:
            backend.settimeout(None)
            asked = _new_head(lines, prefix).encode("latin-1") + rest
            other = _other_form(lines, prefix) if not rest else None
            if other is None:
                backend.sendall(asked)
                threading.Thread(target=_pass_on, args=(client, backend), daemon=True).start()
                _pass_on(backend, client)
            else:
                self._ask_twice(backend, address, asked, _new_head(other, prefix).encode("latin-1"))

    def _ask_twice(self, backend: socket.socket, address: tuple[str, int], asked: bytes, otherwise: bytes) -> None:
        """Where a server knows its root with a slash behind it or without one, but not as it was asked, the other."""
        client: socket.socket = self.request
        backend.sendall(asked)
        begun = _first_line(backend)
        if begun.split(b" ")[1:2] != [b"404"]:
            _answered(client, backend, begun)
            return
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=CONNECT_WITHIN) as again:
            again.settimeout(None)
            again.sendall(otherwise)
            _answered(client, again, _first_line(again))


def _read_head(client: socket.socket) -> tuple[bytes | None, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(MOST_HEAD) if len(data) < MOST_HEAD else b""
        if not more:
            return None, b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _new_head(lines: list[str], prefix: str) -> str:
    """The head with the prefix that was used; the connection ends with its answer, unless it becomes another kind."""
    names = [line.partition(":")[0].strip().lower() for line in lines]
    unwanted = {PREFIX_HEADER.lower()} | (set() if "upgrade" in names else {"connection", "keep-alive"})
    kept = [line for line, name in zip(lines[1:], names[1:], strict=True) if name not in unwanted]
    closing = [] if "upgrade" in names else ["Connection: close"]
    return "\r\n".join([lines[0], *kept, *closing, f"{PREFIX_HEADER}: {prefix}", "", ""])


def _other_form(lines: list[str], prefix: str) -> list[str] | None:
    """The head of a request for the root of an endpoint with the slash that it lacks, or without its slash.

    None for all other paths, and where there is a body, which could be sent only once.
    """
    method, target, version = lines[0].split(" ")
    path, question, query = target.partition("?")
    names = {line.partition(":")[0].strip().lower() for line in lines[1:]}
    if path not in {f"/{prefix}", f"/{prefix}/"} or names & {"content-length", "transfer-encoding", "upgrade"}:
        return None
    other = path.rstrip("/") if path.endswith("/") else f"{path}/"
    return [f"{method} {other}{question}{query} {version}", *lines[1:]]


def _first_line(backend: socket.socket) -> bytes:
    """What it sends first, at least the whole line of its status."""
    data = b""
    with contextlib.suppress(OSError):
        while b"\r\n" not in data and len(data) < MOST_HEAD and (more := backend.recv(MOST_HEAD)):
            data += more
    return data


def _answered(client: socket.socket, backend: socket.socket, begun: bytes) -> None:
    with contextlib.suppress(OSError):
        client.sendall(begun)
    _pass_on(backend, client)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _answer(client: socket.socket, status: str, text: str) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text.encode())}\r\n"
    with contextlib.suppress(OSError):
        client.sendall(f"{head}Connection: close\r\n\r\n{text}".encode())
