"""A project with endpoints, its command line, and an engine without Docker."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.testing import FakeContainer

GREET = {"name": "greet", "image": "python:3.11-slim", "server-command": "python serve.py"}


class Endpoints:
    """`localhai deployment ...` over a fake engine whose servers answer with the path that they were asked for."""

    def __init__(self, folder: Path, home: Home, engine: FakeEngine) -> None:
        self.folder = folder
        self.home = home
        self.engine = engine
        self.installed = 0  # the exit code of pip
        self.started: list[list[str]] = []
        engine.behave(self._behave)

    def write(self, *endpoints: dict[str, Any]) -> None:
        """valohai.yaml with these endpoints; `greet` by default."""
        items = [{"endpoint": {**GREET, **item}} for item in endpoints or ({},)]
        (self.folder / "valohai.yaml").write_text(json.dumps(items))

    def __call__(self, *words: str, code: int = 0) -> Any:
        """What `localhai deployment ...` gave."""
        result = CliRunner().invoke(cli, ["deployment", *words], obj=Call(home=self.home, folder=self.folder))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.stderr
        return result

    def json(self, *words: str) -> Any:
        """Its one document."""
        return json.loads(self(*words, "--json").stdout)

    def _behave(self, container: FakeContainer) -> int:
        self.started.append(list(container.spec.command))
        if container.spec.command[-1].endswith("/install"):
            container.out("pip was here\n")
            return self.installed
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.timeout = 0.02
        container.listen(8000, server.server_address[1])
        container.out("listening\n")
        with server:
            while not container.stop_asked.is_set():
                server.handle_request()
            server.block_on_close = False
        return 143


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.path} {self.headers['X-VH-Prefix']}".encode())

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture
def endpoints(tmp_path: Path, used_home: Path) -> Iterator[Endpoints]:
    engine = FakeEngine()
    folder = tmp_path / "shop"
    folder.mkdir()
    with Home(Settings.load(flags={"home": used_home}), engine=engine) as home:
        made = Endpoints(folder, home, engine)
        made.write()
        yield made
    engine.close()
