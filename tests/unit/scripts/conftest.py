from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))  # where `machine` is, as when the scripts themselves run


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def command(bin_folder: Path) -> Callable[[str, str], Path]:
    """Makes a program of that name on PATH."""

    def make(name: str, script: str) -> Path:
        file = bin_folder / name
        file.write_text(script)
        file.chmod(0o755)
        return file

    return make


class FakeEngine:
    """A server on a unix socket that answers as a Docker Engine does."""

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self.version: dict[str, Any] = {"Version": "99.1"}
        self.images: set[str] = {"here:1"}
        self.pulls: dict[str, list[dict[str, Any]]] = {}
        self.registry_answers = threading.Event()
        self.registry_answers.set()
        self.loaded: list[tuple[str, bytes]] = []
        self.server = socketserver.ThreadingUnixStreamServer(str(path), self._handler())
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.registry_answers.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        engine = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                if self.path == "/version":
                    self._say([engine.version])
                elif self.path.removeprefix("/images/").removesuffix("/json") in engine.images:
                    self._say([{}])
                else:
                    self._say([{"message": "No such image"}], 404)

            def do_POST(self) -> None:
                if "fromSrc=-" in self.path:
                    engine.loaded.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                    self._say([{"status": "sha256:1"}])
                    return
                engine.registry_answers.wait(30)
                name = self.path.partition("fromImage=")[2].replace("&tag=", ":")
                self._say(engine.pulls.get(name, [{"error": "no such host"}]))

            def _say(self, news: list[dict[str, Any]], status: int = 200) -> None:
                with contextlib.suppress(BrokenPipeError):  # who asked may have given up
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write("".join(json.dumps(item) + "\r\n" for item in news).encode())

            def address_string(self) -> str:
                return "unix"

            def log_message(self, *_arguments: object) -> None:
                pass

        return Handler


@pytest.fixture
def fake_engine(tmp_path: Path) -> Any:
    engine = FakeEngine(tmp_path / "engine.sock")
    yield engine
    engine.close()
