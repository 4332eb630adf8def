"""A server over an empty home, and somebody who asks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from fastapi import FastAPI

from localhai.executions.home import Home
from localhai.server.app import create_app
from localhai.server.listening import serving
from localhai.server.state import State
from localhai.settings import Settings


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


@pytest.fixture
def state(used_home: Path) -> Iterator[State]:
    with Home(replace(Settings.load(), home=used_home)) as home:
        made = State(home, "a secret of this server")
        made.server.put_user("ada", "token-of-ada")
        made.server.put_user("bob", "token-of-bob")
        yield made


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str]]:
    """One server for all tests: starting and ending it takes longer than most of them."""
    settings = replace(Settings.load(), home=tmp_path_factory.mktemp("server"))
    with Home(settings) as home:
        app = create_app(State(home, "nobody's"))
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


@pytest.fixture
def nobody(url: str) -> Iterator[Asker]:
    with Asker(url, None) as asker:
        yield asker
