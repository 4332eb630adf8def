"""A server of the page over a home and an engine without Docker, and what runs in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from msgspec.structs import replace

from localhai.app.open_project import OpenProject
from localhai.app.session import login_path
from localhai.executions.execution import Execution
from localhai.executions.home import Home
from localhai.server.app import assemble, create_app
from localhai.server.listening import Listener, bound
from localhai.server.state import State
from localhai.settings import Settings
from localhai.testing import FakeEngine

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters:
      - {name: epochs, type: integer, default: 3}
      - {name: learning_rate, type: float, default: 0.5}
    inputs:
      - {name: data, optional: true}
- step:
    name: evaluate
    image: python:3.11-slim
    command: python evaluate.py
"""


class QuietEngine(FakeEngine):
    """Its containers have no way to the server, which so need not listen for them."""

    def gateway(self, network: str | None = None) -> None:  # noqa: ARG002  # part of the protocol
        return None


@dataclass
class PageServer:
    """`url` is where it answers; its engine does what a test says with `behave`."""

    home: Home
    engine: FakeEngine
    project: OpenProject
    url: str = ""
    port: int = 0
    app: FastAPI | None = None
    _running: ExitStack | None = None

    @property
    def project_id(self) -> str:
        return self.project.record.id

    def run(self, step: str = "train", **parameters: Any) -> Execution:
        """An execution, ended: as `localhai run` beside the server."""
        return self.project.run(step, parameters=parameters)

    def begin(self, step: str) -> threading.Thread:
        """An execution in a thread, under way."""
        thread = threading.Thread(target=self.run, args=(step,), daemon=True)
        thread.start()
        return thread

    def path(self, execution: Execution | None = None, tab: str = "") -> str:
        """Of an execution, or of the list."""
        if execution is None:
            return f"/p/{self.project_id}/executions/"
        return f"/p/{self.project_id}/execution/{execution.id}/{tab}"

    def login(self, path: str = "/") -> str:
        """A path with a code that lets its reader in."""
        return login_path(self.home, self.home.records.users.list()[0], path)

    def start(self) -> None:
        """Answer, at the port of before if there was one."""
        running = self._running = ExitStack()
        home = running.enter_context(Home(self.home.settings, engine=self.engine))
        state = assemble(State(home, "a secret of this server", jobs=1))
        running.callback(state.close)
        listening = running.enter_context(bound("127.0.0.1", self.port))
        self.app = create_app(state)
        listener = Listener.of(self.app, listening)
        thread = listener.thread()
        thread.start()
        running.callback(thread.join)
        running.callback(listener.end)
        running.callback(state.queue.ask_to_stop)  # streams hear of it
        self.url, self.port = listener.url, listening.getsockname()[1]

    def stop(self) -> None:
        """Answer no more."""
        if self._running is not None:
            self._running.close()
        self._running = None


def make_project(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """A folder with a valohai.yaml."""
    folder.mkdir(parents=True)
    for name, text in {"valohai.yaml": YAML, "train.py": "print('training')\n", **(files or {})}.items():
        (folder / name).write_text(text)
    return folder


@contextmanager
def page_server(folder: Path, name: str = "newsroom") -> Iterator[PageServer]:
    """One over an empty home in `folder`, with a project that has no executions yet."""
    engine = QuietEngine()
    settings = replace(Settings.load(environ={}), home=folder / "home")
    with Home(settings, engine=engine) as home:
        home.records.users.put("ada", "token-of-ada")
        project = OpenProject.at(make_project(folder / name), home=home)
        server = PageServer(home, engine, project)
        server.start()
        try:
            yield server
        finally:
            server.stop()
            engine.close()
