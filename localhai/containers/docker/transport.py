"""HTTP to a Docker Engine over a Unix socket, TCP, TLS or ssh, with kept-alive connections.

Written on `http.client`: importing docker-py costs as much as starting a container, so only pulls load it, for the
credentials of registries (`images`).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from localhai.containers.docker.errors import EngineRefused, refused
from localhai.errors import EngineLost
from localhai.system.forks import renew_after_fork

ANSWER_WITHIN = 120.0  # seconds; a busy engine that starts fifty containers at once needs this long
BLOCK = 1 << 18
BAD_REQUEST = 400


class TlsFiles(Struct, frozen=True):
    """Where certificates of a TLS engine are; `verify` false accepts any server (as docker contexts may say)."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    verify: bool = True


class Address(Struct, frozen=True):
    """Where an engine is: `unix:///path`, `tcp://host:port`, `https://host:port`, `ssh://user@host:port`."""

    url: str
    tls: TlsFiles | None = None


def open_socket(address: Address, timeout: float | None) -> socket.socket:
    """A connected socket. Raises OSError, ValueError for an address of no known kind."""
    parts = urlsplit(address.url)
    if parts.scheme == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            sock.connect(parts.path or f"/{parts.netloc}")
        except BaseException:
            sock.close()
            raise
        return sock
    if parts.scheme == "ssh":
        from localhai.containers.docker.ssh import dial

        return dial(parts, timeout)
    if parts.scheme not in {"tcp", "http", "https"} or not parts.hostname:
        raise ValueError(f"{address.url!r} is no address of a Docker Engine")
    secure = address.tls is not None or parts.scheme == "https"
    sock = socket.create_connection((parts.hostname, parts.port or (2376 if secure else 2375)), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _wrap_tls(sock, parts.hostname, address.tls or TlsFiles()) if secure else sock


def _wrap_tls(sock: socket.socket, host: str, files: TlsFiles) -> socket.socket:
    import ssl

    context = ssl.create_default_context(cafile=str(files.ca) if files.ca else None)
    if not files.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if files.certificate:
        context.load_cert_chain(str(files.certificate), str(files.key) if files.key else None)
    return context.wrap_socket(sock, server_hostname=host)


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: Address, timeout: float | None) -> None:
        super().__init__("docker", timeout=timeout, blocksize=BLOCK)
        self._address = address

    def connect(self) -> None:
        self.sock = open_socket(self._address, self.timeout)

    def is_stale(self) -> bool:
        """An idle connection with something to read was closed by the engine."""
        if self.sock is None:
            return True
        looker = select.poll()  # select() knows no descriptor above 1023, and a busy server has many
        looker.register(self.sock, select.POLLIN)
        return bool(looker.poll(0))


class Reply:
    """One answer that is read as it comes. Closing it drops the connection."""

    def __init__(self, connection: _Connection, response: http.client.HTTPResponse, transport: Transport) -> None:
        self._connection = connection
        self._response = response
        self._transport = transport

    @property
    def status(self) -> int:
        return self._response.status

    def header(self, name: str) -> str | None:
        return self._response.getheader(name)

    def read(self) -> bytes:
        """All of it; the connection is then free for the next call."""
        try:
            with self._transport.guarded():
                data = self._response.read()
        except BaseException:
            self.close()
            raise
        self._transport.give_back(self._connection, self._response)
        return data

    def read_some(self, size: int = BLOCK) -> bytes:
        """What is there, at most `size` bytes; empty at the end."""
        with self._transport.guarded():
            return self._response.read1(size)

    def lines(self) -> Iterator[bytes]:
        with self._transport.guarded():
            yield from self._response

    def close(self) -> None:
        """Drop the connection, so that a read in another thread ends."""
        sock = self._connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            self._response.close()


class Transport:
    """Calls to one engine. Safe for several threads: each call has a connection of its own while it lasts."""

    def __init__(self, address: Address, version: str | None = None) -> None:
        self.address = address
        self.version = version
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()
        renew_after_fork(self)

    def renew(self) -> None:
        """In a forked child: what is asked over a connection of the parent's would be answered to either of them."""
        self._lock = threading.Lock()
        for connection in self._idle:
            connection.close()  # this process's descriptor: the parent's stays open
        self._idle = []

    def call(
        self,
        method: str,
        path: str,
        *,
        doing: str | None = None,
        fine: tuple[int, ...] = (),
        reference: str | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        timeout: float | None = ANSWER_WITHIN,
    ) -> Any:
        """The JSON of the answer, None where it is empty or its status is `fine`. Raises EngineLost.

        What the engine refuses is raised as one of our errors that says what it was `doing` (`errors.refused`, of the
        image `reference`), without that as EngineRefused.
        """
        try:
            reply = self.open(method, path, query=query, body=body, timeout=timeout)
            data = reply.read()
            try:
                return json.loads(data) if data.strip() else None
            except ValueError as error:
                raise EngineRefused(reply.status, "it did not answer as a Docker Engine does") from error
        except EngineRefused as error:
            if error.status in fine:
                return None
            if doing is None:
                raise
            raise refused(error.message, doing, reference=reference) from error

    def make_sure(self, timeout: float) -> None:
        """Ask over a new connection. An engine that shuts down takes none, while it still answers on the old ones.

        Raises EngineLost, also when the newest of the old ones is closed after that: another engine has taken over.
        """
        with self._lock:
            old = self._idle.pop() if self._idle else None  # ours alone meanwhile: no other call may read from it
        new = _Connection(self.address, timeout)
        try:
            with self.guarded(timeout):
                new.request("GET", self._url("/version", None), headers={"Host": "docker"})
                new.getresponse().read()
                if old is not None and old.is_stale():
                    raise ConnectionResetError("it was restarted")
        finally:
            new.close()
            if old is not None:
                with self._lock:
                    self._idle.append(old)

    def open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = ANSWER_WITHIN,
    ) -> Reply:
        """Ask, and give the answer unread. `body`: a mapping is sent as JSON, a file object as it is."""
        sent = {"Host": "docker", **(headers or {})}
        if isinstance(body, dict):
            body = _as_json(body)
            sent["Content-Type"] = "application/json"
        elif body is not None:
            sent["Content-Type"] = "application/x-tar"
        elif method == "POST":
            sent["Content-Length"] = "0"
        with self.guarded(timeout):
            connection = self._connection(timeout)
            try:
                try:
                    connection.request(method, self._url(path, query), body=body, headers=sent)
                except (BrokenPipeError, ConnectionResetError):
                    if body is None:
                        raise
                    # the engine may refuse before it has read a long body: its answer says why
                response = connection.getresponse()
            except BaseException:
                connection.close()
                raise
        reply = Reply(connection, response, self)
        if response.status >= BAD_REQUEST:
            raise EngineRefused(response.status, _said(reply.read()))
        return reply

    def hijack(self, path: str, query: Mapping[str, Any], body: Mapping[str, Any] | None = None) -> HijackedSocket:
        """Turn a POST into a raw two-way stream, as attach does."""
        payload = b"" if body is None else _as_json(body)
        request = (
            f"POST {self._url(path, query)} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
        ).encode() + payload
        with self.guarded():
            sock = open_socket(self.address, ANSWER_WITHIN)
            try:
                sock.sendall(request)
                head, rest = _read_head(sock)
            except BaseException:
                sock.close()
                raise
        status = int(head.split(b" ", 2)[1])
        if status >= BAD_REQUEST:
            with sock, contextlib.suppress(OSError):
                sock.settimeout(1)
                rest += sock.recv(BLOCK)
            raise EngineRefused(status, _said(rest))
        sock.settimeout(None)
        return HijackedSocket(sock, rest)

    def give_back(self, connection: _Connection, response: http.client.HTTPResponse) -> None:
        if response.will_close or connection.sock is None:
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextlib.contextmanager
    def guarded(self, timeout: float | None = ANSWER_WITHIN) -> Iterator[None]:
        """Everything that a broken connection raises becomes EngineLost."""
        try:
            yield
        except TimeoutError as error:
            raise EngineLost(
                f"the Docker Engine at {self.address.url} did not answer within {timeout:g} seconds",
                hints=["look whether it still runs: docker info"],
            ) from error
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise EngineLost(
                f"the connection to the Docker Engine at {self.address.url} broke ({why})",
                hints=["look whether it still runs: docker info"],
            ) from error

    def _url(self, path: str, query: Mapping[str, Any] | None) -> str:
        url = f"/v{self.version}{path}" if self.version else path
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return f"{url}?{urlencode(given)}" if given else url

    def _connection(self, timeout: float | None) -> _Connection:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return _Connection(self.address, timeout)
            if connection.is_stale():
                connection.close()
                continue
            connection.timeout = timeout
            if connection.sock is not None:
                connection.sock.settimeout(timeout)
            return connection


class HijackedSocket(Struct):
    """A raw stream, and what came in one piece with the answer's head."""

    sock: socket.socket
    rest: bytes


def _as_json(body: Mapping[str, Any]) -> bytes:
    """Paths in a locale of another encoding carry their bytes as surrogates: the engine gets the bytes."""
    try:
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that no path has
        return json.dumps(body).encode()


def _read_head(sock: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(BLOCK)
        if not more:
            raise ConnectionResetError("closed before it answered")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _said(data: bytes) -> str:
    try:
        said = json.loads(data)
        return str(said.get("message") or said.get("cause") or said).strip()
    except (ValueError, AttributeError):
        return data.decode(errors="replace").strip()


def path_part(name: str) -> str:
    """A name or image reference inside a URL path."""
    return quote(name, safe="/:@")
