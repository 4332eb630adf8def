"""A project with endpoints, what serves them, and how to speak to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from localhai.containers import labels
from localhai.containers.docker.connect import connect
from localhai.records import Records

IMAGE = "python:3.11-slim"

SERVE = """\
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        files = {name: open(name).read() for name in ("model.txt", "models/deep.txt") if os.path.exists(name)}
        answer = {
            "path": self.path, "headers": dict(self.headers), "files": files, "directory": os.getcwd(),
            "environment": dict(os.environ), "metadata": json.load(open("valohai-metadata.json")),
            "code": open("version.txt").read(),
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())
        print("asked for", self.path.rsplit("/", 1)[-1], "by", self.headers["User-Agent"], flush=True)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()
        self.wfile.write(body[::-1])
    def log_message(self, *_):
        pass

print("listening", flush=True)
HTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
"""
WEB = """\
def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [("hello from %s" % environ["PATH_INFO"]).encode()]

def other(environ, start):
    start("202 Accepted", [])
    return [environ["HTTP_X_VH_PREFIX"].encode()]
"""


class Deployments:
    """The deployments of one test's project."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.folder: Path = bench.folder

    def write(self, *endpoints: dict[str, Any], more: tuple[dict[str, Any], ...] = ()) -> None:
        """The project: valohai.yaml, code of a server and of a WSGI application."""
        document = [*({"endpoint": {"image": IMAGE, **item}} for item in endpoints), *more]
        (self.folder / "valohai.yaml").write_text(json.dumps(document))  # JSON is YAML
        (self.folder / "serve.py").write_text(SERVE)
        (self.folder / "web.py").write_text(WEB)
        (self.folder / "version.txt").write_text("one")

    def greet(self, **more: Any) -> None:
        """The project with one endpoint, `greet`."""
        self.write({"name": "greet", "server-command": "python serve.py", **more})

    def serve(self, *arguments: str, **more: Any) -> tuple[Any, str]:
        """`localhai deployment run ARGUMENTS` on any free port, once it serves; and its first URL."""
        run = self.bench.start("deployment", "run", "--port", "0", *arguments, **more)
        return run, self.bench.until(lambda: self.first_url(run))

    @staticmethod
    def first_url(run: Any) -> str | None:
        assert run.process.poll() is None, run.err
        found = [line.partition("serving at ")[2].split()[0] for line in run.err.splitlines() if "serving at " in line]
        return found[0] if found else None

    def version(self, reference: str = "latest") -> dict[str, Any]:
        """`localhai deployment info`."""
        answer = self.bench.call("deployment", "info", reference, "--json")
        assert answer.process.returncode == 0, answer.err
        found: dict[str, Any] = json.loads(answer.out)
        return found

    def containers(self) -> list[Any]:
        """Those of the test's versions that are on the engine."""
        if not (self.bench.home / "localhai.db").exists():
            return []
        engine = connect()
        try:
            return [state for id_ in self._ids() for state in engine.containers({labels.DEPLOYMENT: id_})]
        finally:
            engine.close()

    def clean(self) -> list[str]:
        """Remove images and what is left; gives the names of containers that should not be there."""
        left = self.containers()
        engine = connect()
        for state in left:
            engine.remove(state.id)
        for id_ in self._ids() if (self.bench.home / "localhai.db").exists() else ():
            for image in engine.labelled_images({labels.DEPLOYMENT: id_}):
                engine.remove_image(image.id)
        engine.close()
        return [state.name for state in left]

    def _ids(self) -> list[str]:
        records = Records.open(self.bench.home, None)
        try:
            return [item.id for item in records.deployments.versions(limit=None)]
        finally:
            records.close()


def _ask(url: str, more: str = "", *, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    try:
        path = f"{parts.path}/{more}" if more else parts.path
        connection.request(method, path, body=body, headers={"User-Agent": "test"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def ask() -> Any:
    """One HTTP request: its status and body."""
    return _ask


@pytest.fixture
def deployments(bench: Any) -> Iterator[Deployments]:
    """Nothing of it may be left on the engine."""
    made = Deployments(bench)
    yield made
    bench.close()
    assert made.clean() == []
