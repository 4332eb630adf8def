"""`localhai page`: which address it opens, and the server in the background."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from waiting import until

from localhai.app import servers
from localhai.app.session import exchange
from localhai.cli import unattended
from localhai.cli.unattended import Found

ASKED = "http://127.0.0.1:8123"


@pytest.fixture
def served(localhai: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a server answered for this home: it has made a user."""
    localhai.home.records.users.put("ada", "token-of-ada")
    here = servers.ServerAddress(ASKED, os.getpid(), "", "", "", "0.0.1")
    monkeypatch.setattr(unattended, "found_or_started", lambda _home: Found(here, started=False))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    found: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: found.append(url) or True)
    return found


def code_of(url: str) -> str:
    return url.partition("#login=")[2]


@pytest.mark.usefixtures("served")
def test_it_opens_what_is_named(localhai: Any) -> None:
    for _ in range(2):
        assert localhai("run", "train").code == 0
    first, second = (localhai("execution", "info", number, "--json").json["id"] for number in "12")
    project_id = localhai.home.records.projects.list()[0].id

    def path(*words: str) -> str:
        answer = localhai("page", *words, "--json")
        assert answer.code == 0, answer.err
        return str(answer.json["page"].removeprefix(ASKED))

    assert path() == f"/p/{project_id}/executions/"
    assert path("1") == f"/p/{project_id}/execution/{first}/"
    assert path("latest") == f"/p/{project_id}/execution/{second}/"
    assert path("pipeline") == f"/p/{project_id}/pipelines/"
    assert path("task") == f"/p/{project_id}/tasks/"
    assert path("compare", "1", "latest") == f"/p/{project_id}/compare/?ids={first},{second}"


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["9"], "9"),
        (["pipeline", "3"], "3"),
        (["task", "3"], "3"),
        (["1", "2"], "localhai page compare 4 7 9"),
        (["compare"], "at least two executions"),
    ],
)
def test_what_is_not_there_is_a_mistake_of_typing(localhai: Any, words: list[str], said: str) -> None:
    answer = localhai("page", *words)
    assert answer.code == 2
    assert said in answer.err


@pytest.mark.usefixtures("served")
def test_outside_of_a_project_it_opens_all_of_them(localhai: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    from click.testing import CliRunner

    from localhai.cli.call import Call
    from localhai.cli.main import cli

    done = CliRunner().invoke(cli, ["page", "--json"], obj=Call(home=localhai.home))
    assert json.loads(done.stdout)["page"] == f"{ASKED}/"


@pytest.mark.usefixtures("served")
def test_the_address_lets_in_once(localhai: Any) -> None:
    url = localhai("page").out.strip()
    found = exchange(localhai.home, code_of(url))
    assert found is not None
    assert found[0].user_id == localhai.home.records.users.list()[0].id
    assert exchange(localhai.home, code_of(url)) is None


@pytest.mark.usefixtures("served")
def test_a_browser_is_opened_where_there_is_a_display(localhai: Any, opened: list[str], monkeypatch: Any) -> None:
    localhai("page")
    assert opened == []
    monkeypatch.setenv("DISPLAY", ":0")
    localhai("page", "--no-open")
    localhai("page", "--json")
    assert opened == []
    answer = localhai("page")
    assert opened == [answer.out.strip()]


@pytest.mark.usefixtures("served")
def test_a_browser_that_does_not_open_is_said(localhai: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda _url: False)
    answer = localhai("page")
    assert answer.code == 0
    assert "no browser could be opened" in answer.err


@pytest.mark.usefixtures("served")
def test_a_server_of_another_version_is_said(localhai: Any) -> None:
    assert "the server that answers is localhai 0.0.1" in localhai("page").err


@pytest.mark.usefixtures("served")
def test_logging_out_ends_all_sessions(localhai: Any) -> None:
    session, _token = exchange(localhai.home, code_of(localhai("page").out.strip())) or pytest.fail("no session")
    assert localhai("page", "--logout").code == 0
    assert not localhai.home.records.sessions.is_open(session.id)


def test_without_the_parts_of_a_server_one_line_says_how_to_get_them(localhai: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    answer = localhai("page")
    assert answer.code == 2
    assert "localhai page needs more than is installed: fastapi" in answer.err
    assert "pip install" in answer.err


@pytest.fixture
def page(project: Path, used_home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `localhai page` as a process; the server that it left is ended."""
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere.sock"}

    def started(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "localhai", "page", "--json", *words]
        return subprocess.Popen(
            command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    yield started
    unattended.stop(used_home)


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_one_server_is_started_in_the_background_found_again_and_stopped(page, used_home) -> None:
    both = [page(), page()]
    first, second = sorted((answer_of(process) for process in both), key=lambda answer: not answer["server"]["started"])
    assert first["server"]["started"]
    assert not second["server"]["started"], "two at once start one"
    assert first["server"]["pid"] == second["server"]["pid"]
    assert answer_of(page())["server"]["url"] == first["server"]["url"]

    assert requests.get(first["server"]["url"] + "/api/openapi.json", timeout=60).status_code == 200
    log = Path(first["server"]["log"])
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "ready at" in log.read_text()
    token = (used_home / "server" / "token").read_text().strip()
    assert token not in log.read_text()
    assert "#login=" not in log.read_text()

    assert answer_of(page("--stop"))["stopped"] == [first["server"]["pid"]]
    assert servers.answering(used_home) is None
    assert answer_of(page("--stop"))["stopped"] == []
    again = answer_of(page())
    assert again["server"]["url"] == first["server"]["url"], "browsers keep sessions by the port"


def test_a_server_that_is_killed_is_not_found_any_more(page, used_home) -> None:
    first = answer_of(page())
    os.kill(first["server"]["pid"], 9)
    until(lambda: servers.answering(used_home) is None)
    second = answer_of(page())
    assert second["server"]["started"]
    assert second["server"]["pid"] != first["server"]["pid"]


def test_a_server_that_does_not_start_says_why(localhai: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("LOCALHAI_TOKEN", "short")
    answer = localhai("page")
    assert answer.code == 4
    assert "the server did not start" in answer.err
    assert "LOCALHAI_TOKEN is too short" in answer.err


def test_serving_says_the_page_and_ends_when_idle(project: Path, used_home: Path) -> None:
    words = ["serve", "--port", "0", "--end-when-idle", "0.01"]
    done = subprocess.run(
        [sys.executable, "-m", "localhai", *words],
        cwd=project,
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere.sock"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "page: http://127.0.0.1:" in done.stderr
    assert "/#login=" in done.stderr
    assert "nobody has asked for anything for a while, and nothing runs: the server ends" in done.stderr
    assert not list((used_home / "server" / "at").iterdir())
