"""A server over an empty home, and somebody who asks it."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import packing
import pytest
import requests
from fastapi import FastAPI
from msgspec.structs import replace
from page_data import PageData
from waiting import until

from localhai.app.session import login_code
from localhai.executions.home import Home
from localhai.server.app import assemble, create_app
from localhai.server.listening import serving
from localhai.server.state import State
from localhai.settings import Settings
from localhai.testing import FakeEngine
from localhai.vocabulary import FINAL


class Asker(requests.Session):
    """A client of `/api/v0` with a token."""

    def __init__(self, url: str, token: str | None) -> None:
        super().__init__()
        self.url = url
        self.trust_env = False
        if token:
            self.headers["Authorization"] = f"Token {token}"

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        more["allow_redirects"] = False  # a redirect would turn a POST into a GET
        return super().request(method, self.url + url, *args, **more)

    def ended(self, kind: str, reference: object) -> dict[str, Any]:
        """An execution, a task or a pipeline, once it has ended."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.get(f"/api/v0/{kind}/{reference}/").json()
            return found if found["status"] in FINAL else None

        return until(look, said=lambda: self.get(f"/api/v0/{kind}/{reference}/").text)


class QuietEngine(FakeEngine):
    """Its containers have no way to the server, which so need not listen for them: closing that takes 0.15 s a test."""

    def gateway(self, network: str | None = None) -> None:  # noqa: ARG002  # part of the protocol
        return None


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    made = QuietEngine()
    yield made
    made.close()


@pytest.fixture
def state(used_home: Path, engine: FakeEngine) -> Iterator[State]:
    """Nothing that is queued runs until a test calls `queue.start`."""
    with Home(replace(Settings.load(), home=used_home), engine=engine) as home:
        made = assemble(State(home, "a secret of this server", jobs=1))
        made.records.users.put("ada", "token-of-ada")
        made.records.users.put("bob", "token-of-bob")
        yield made
        made.queue.ask_to_stop()
        made.queue.close()
        made.close()


@pytest.fixture
def allow(state: State) -> Callable[..., None]:
    """Change settings of the server while it runs, as who starts it may choose them."""

    def changed(**settings: Any) -> None:
        state.home.settings = replace(state.home.settings, **settings)

    return changed


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str]]:
    """One server for all tests: starting and ending it takes longer than most of them."""
    settings = replace(Settings.load(), home=tmp_path_factory.mktemp("server"))
    with Home(settings) as home:
        app = create_app(assemble(State(home, "nobody's")))
        with serving(app) as where:
            yield app, where


@pytest.fixture
def url(running: tuple[FastAPI, str], state: State) -> str:
    """Where this test's home is served."""
    app, where = running
    app.state.localhai = state
    return where


@pytest.fixture
def ada(url: str) -> Iterator[Asker]:
    with Asker(url, "token-of-ada") as asker:
        yield asker


@pytest.fixture
def bob(url: str) -> Iterator[Asker]:
    with Asker(url, "token-of-bob") as asker:
        yield asker


YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters:
      - name: epochs
        type: integer
        default: 2
    inputs:
      - name: data
        optional: true
"""


def packed(files: Mapping[str, str] | None = None, members: Sequence[tarfile.TarInfo] = ()) -> bytes:
    """A package as `vh --adhoc` sends it."""
    return packing.packed({"valohai.yaml": YAML} if files is None else files, members)


@dataclass
class Demo:
    """A project of Ada's with one commit."""

    asker: Asker
    id: str
    commit: str

    def create(self, **more: Any) -> requests.Response:
        return self.asker.post(
            "/api/v0/executions/", json={"project": self.id, "commit": self.commit, "step": "train", **more}
        )

    def queued(self, **more: Any) -> dict[str, Any]:
        answer = self.create(**more)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def upload(self, package: bytes, **fields: str) -> requests.Response:
        path = f"/api/v0/projects/{self.id}/import-package/"
        return self.asker.post(path, data=fields, files={"data": ("data.tgz", package, "application/gzip")})

    def upload_files(self, files: Mapping[str, str]) -> requests.Response:
        return self.upload(packed(files))

    def get(self, reference: object) -> dict[str, Any]:
        answer = self.asker.get(f"/api/v0/executions/{reference}/")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, reference: object) -> dict[str, Any]:
        """The execution, once it has ended."""
        return self.asker.ended("executions", reference)


@pytest.fixture
def demo(ada: Asker) -> Demo:
    made = Demo(ada, ada.post("/api/v0/projects/", data={"name": "demo"}).json()["id"], "")
    made.commit = made.upload(packed()).json()["identifier"]
    return made


@pytest.fixture
def nobody(url: str) -> Iterator[Asker]:
    with Asker(url, None) as asker:
        yield asker


@pytest.fixture
def code(state: State) -> str:
    """By which Ada gets into the page."""
    ada = state.records.users.named("ada")
    assert ada is not None
    return login_code(state.home, ada)


@pytest.fixture
def page(url: str, nobody: Asker, code: str) -> Iterator[Asker]:
    """Ada's browser."""
    with Asker(url, nobody.post("/page/session/", json={"code": code}).json()["token"]) as asker:
        yield asker


@pytest.fixture
def data(state: State, tmp_path: Path) -> PageData:
    """A project of Ada's, without an engine's help."""
    return PageData(state.home, tmp_path / "mnist")
