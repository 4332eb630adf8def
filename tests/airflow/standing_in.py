"""What stands in for the outer world: the platform over https, and web servers of any name."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

HERE = Path(__file__).parent
TOKEN = "a-token-of-the-tests"
PROJECT = "0178b4f0-0000-0000-0000-000000000001"
NAMES = ("airflow-tests", "tensorflow-example")
HOSTS = ("valohai-mnist.s3.amazonaws.com", "valohaidemo.blob.core.windows.net")  # of DAGs of the original plugin
MNIST = [f"mnist-{part}-{kind}.gz" for part in ("train", "test") for kind in ("images", "labels")]
FILES = {
    "make": {"lines.txt": b"line 1\nline 2\n"},
    "use": {"copy of lines.txt": b"line 1\nline 2\n"},
    "Preprocess dataset (MNIST)": {name: name.encode() for name in MNIST},
    "Train model (MNIST)": {"model.pb": b"a model"},
    "train-model": {"model.pb": b"a model"},
}
YAML = (HERE / "project" / "valohai.yaml").read_text()


class Platform:
    """What a platform knows, in the shapes of its API (wire.md 2 and 3)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, list[str]], Any, str]] = []
        self.connections = 0
        self.address = self.blobs = ""
        self.executions: dict[str, dict[str, Any]] = {}
        self.data: dict[str, tuple[str, str, bytes]] = {}
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.stopped: list[str] = []
        self.trouble = 0  # looks at executions that are answered with 503

    def posted(self, path: str) -> list[Any]:
        return [body for method, called, _, body, _ in self.calls if (method, called) == ("POST", path)]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        fixed: dict[tuple[str, str], Any] = {
            ("GET", "projects"): rows(*({"id": PROJECT, "name": name} for name in NAMES)),
            ("GET", "users/me"): {"username": "somebody"},
            ("POST", f"projects/{PROJECT}/fetch"): {"commits": [], "errors": []},
            ("GET", "repositories"): rows({"id": 5, "project": {"id": PROJECT}}),
            ("GET", "commits"): rows({"repository": 5, "ref": "master", "identifier": "abc"}),
            ("GET", "commits/abc"): {"identifier": "abc", "config": YAML},
        }
        if (method, path) in fixed:
            return 200, fixed[(method, path)]
        kind, _, rest = path.partition("/")
        found: tuple[int, Any] = getattr(self, f"_{kind}")(method, rest, query, body)
        return found

    def _executions(self, method: str, rest: str, _query: Any, body: Any) -> tuple[int, Any]:
        if method == "POST" and not rest:
            return self._execute(body)
        if not rest:
            return 200, rows(*reversed(self.executions.values()))
        key, _, what = rest.partition("/")
        if what == "events":
            return 200, {"events": [{"stream": "stdout", "time": "T1", "message": f"hello from {key}"}]}
        if what in {"tags", "stop"}:
            self.executions[key]["tags"] += body["tags"] if what == "tags" else []
            self.stopped += [key] if what == "stop" else []
            return 200, {}
        if self.trouble:
            self.trouble -= 1
            return 503, {"detail": "a bad day"}
        found = self.executions[key]
        found["looks"] += 1
        if found["status"] == "created" and found["looks"] > 1:
            found["status"] = "error" if found["step"] == "fail" else "complete"
        return 200, found

    def _execute(self, body: Any) -> tuple[int, Any]:
        if body["step"] == "nothing":
            return 400, {"step": ["There is no such step."]}
        key = f"e{len(self.executions) + 1}"
        for name, content in FILES.get(body["step"], {}).items():
            self.data[f"d{len(self.data) + 1}"] = (key, name, content)
        self.executions[key] = {
            "id": key,
            "counter": len(self.executions) + 1,
            "status": "created",
            "step": body["step"],
            "parameters": body.get("parameters", {}),
            "inputs": [{"name": name, "urls": urls} for name, urls in body.get("inputs", {}).items()],
            "urls": {"display": f"{self.address}/p/{key}"},
            "environment": {"name": body.get("environment")},
            "tags": list(body.get("tags", [])),
            "looks": 0,
        }
        return 201, self.executions[key]

    def _data(self, _method: str, rest: str, query: Any, _body: Any) -> tuple[int, Any]:
        if rest:
            return 200, {"url": f"{self.blobs}/{rest.partition('/')[0]}"}
        wanted = query["output_execution"][0]
        return 200, rows(
            *(
                {"id": key, "name": name, "size": len(content), "ctime": "2026-01-01T00:00:00Z", "uri": f"s3://b/{key}"}
                for key, (execution, name, content) in self.data.items()
                if execution == wanted
            )
        )

    def _pipelines(self, method: str, rest: str, _query: Any, body: Any) -> tuple[int, Any]:
        if method == "POST":
            made = {"id": "p1", "counter": 1, "status": "complete", "title": body["title"], "nodes": body["nodes"]}
            self.pipelines["p1"] = {**made, "urls": {"display": f"{self.address}/p/p1"}}
            return 201, self.pipelines["p1"]
        return 200, self.pipelines[rest]


def rows(*found: Any) -> dict[str, Any]:
    return {"count": len(found), "next": None, "results": list(found)}


class Quiet(BaseHTTPRequestHandler):
    def send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing on the screen."""


class Handler(Quiet):
    platform: Platform

    def do_GET(self) -> None:
        self._reply(self.platform)

    def do_POST(self) -> None:
        self._reply(self.platform)

    def _reply(self, platform: Platform) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        if not address.path.startswith("/api/v0/"):
            self.send(200, platform.data[address.path.strip("/")][2])
            return
        path, query = address.path.removeprefix("/api/v0/").strip("/"), parse_qs(address.query)
        body = json.loads(sent) if sent else None
        platform.calls.append((self.command, path, query, body, self.headers.get("Authorization") or ""))
        status, value = platform.answer(self.command, path, query, body)
        self.send(status, json.dumps(value).encode())


class AnyFile(Quiet):
    """Every file exists, and holds its own name."""

    def do_GET(self) -> None:
        self.send(200, Path(urlsplit(self.path).path).name.encode())

    def do_HEAD(self) -> None:
        self.do_GET()


@contextmanager
def serving(*servers: ThreadingHTTPServer) -> Iterator[None]:
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    yield
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def secure(server: ThreadingHTTPServer, authority: trustme.CA, *names: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """On https with a certificate that only `verify` of the connection makes good; files on plain http, no token."""
    found = Platform()

    class Server(ThreadingHTTPServer):
        def get_request(self) -> Any:
            found.connections += 1
            return super().get_request()

    handler = type("Bound", (Handler,), {"platform": found})
    api, blobs = Server(("127.0.0.1", 0), handler), ThreadingHTTPServer(("127.0.0.1", 0), handler)
    authority = trustme.CA()
    secure(api, authority, "localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    found.address = f"https://localhost:{api.server_address[1]}"
    found.blobs = f"http://127.0.0.1:{blobs.server_address[1]}"
    connect(monkeypatch, "localhost", TOKEN, port=api.server_address[1], verify=str(tmp_path / "ca.pem"))
    with serving(api, blobs):
        yield found


def connect(monkeypatch: pytest.MonkeyPatch, host: str, token: str, *, port: int | None = None, **extra: Any) -> None:
    """The connection `valohai_default`."""
    connection = {"conn_type": "valohai", "host": host, "port": port, "password": token, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_VALOHAI_DEFAULT", json.dumps(connection))


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in production: the variable is not set. Only the 30 seconds between looks are shorter."""
    monkeypatch.delenv("LOCALHAI_MODE")
    monkeypatch.delenv("LOCALHAI_PROJECTS")
    monkeypatch.setattr("localhai.airflow.hook.POLLING_INTERVAL", 0.05)


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The web servers HOSTS, with certificates, are here."""
    server, authority = ThreadingHTTPServer(("127.0.0.1", 0), AnyFile), trustme.CA()
    secure(server, authority, *HOSTS)
    authority.cert_pem.write_to_path(tmp_path / "web.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "web.pem"))
    ask: Callable[..., Any] = socket.getaddrinfo

    def here(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host in HOSTS:
            return ask("127.0.0.1", server.server_address[1], *more, **named)
        return ask(host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    with serving(server):
        yield
