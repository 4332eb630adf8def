"""Remote mode against a server that answers as the platform does (wire.md 3)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from localhai.airflow.platform import ExecutionRequest, Watcher
from localhai.airflow.remote import RemotePlatform
from localhai.airflow.rest import RestClient, address_of
from localhai.errors import SurroundingsError, UsageError

PROJECT = "0178b4f0-0000-0000-0000-000000000001"


class Stand(ThreadingHTTPServer):
    """Two pages of outputs, an execution that is started once and then complete, failures on demand."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[tuple[str, str, Any, str]] = []
        self.failures: list[tuple[int, dict[str, str]]] = []
        self.looks = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, method: str, path: str, query: str) -> Any:
        if path == "executions/e1/":
            self.looks += 1
            status = "complete" if self.looks > 1 else "started"
            return {"id": "e1", "counter": 7, "status": status, "step": "train"}
        if path == "data/":
            if "page=2" in query:
                return {"results": [{"id": "d2", "name": "b"}], "next": None}
            return {"results": [{"id": "d1", "name": "a"}], "next": f"{self.address}/api/v0/data/?page=2"}
        known: dict[tuple[str, str], Any] = {
            ("GET", "projects/"): {"results": [{"id": PROJECT, "name": "news"}], "next": None},
            ("POST", f"projects/{PROJECT}/fetch/"): {"commits": [], "errors": []},
            ("GET", "repositories/"): {"results": [{"id": 5, "project": {"id": PROJECT}}], "next": None},
            ("GET", "commits/"): {
                "results": [
                    {"repository": 6, "ref": "master", "identifier": "other"},
                    {"repository": 5, "ref": "main", "identifier": "mine"},
                    {"repository": 5, "ref": "master", "identifier": "abc"},
                ],
                "next": None,
            },
            ("POST", "executions/"): {"id": "e1", "urls": {"display": "https://host/p/e1"}},
            ("POST", "executions/e1/tags/"): {},
            ("POST", "executions/e1/stop/"): {"message": "OK"},
            ("GET", "executions/e1/events/"): {"events": [{"stream": "stdout", "time": "T1", "message": "hello"}]},
            ("GET", "data/d1/download/"): {"url": "https://blob/d1"},
        }
        return known[(method, path)]


class Handler(BaseHTTPRequestHandler):
    server: Stand

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        self._reply()

    def _reply(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.removeprefix("/api/v0/").partition("?")
        self.server.calls.append(
            (self.command, path, json.loads(body) if body else None, self.headers.get("Authorization") or "")
        )
        if self.server.failures:
            status, headers = self.server.failures.pop(0)
            self._send(status, {"detail": "bad day"}, headers)
        else:
            self._send(200, self.server.answer(self.command, path, query), {})

    def _send(self, status: int, value: Any, headers: dict[str, str]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing on the screen."""


@pytest.fixture
def stand() -> Iterator[Stand]:
    server = Stand()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def platform(stand: Stand, slept: list[float]) -> Iterator[RemotePlatform]:
    client = RestClient(stand.address, "secret", sleep=slept.append)
    yield RemotePlatform(client, interval=3, sleep=slept.append)
    client.close()


def test_an_execution_as_the_original_plugin_starts_it(stand, platform, slept):
    lines: list[str] = []
    watcher = Watcher()
    watcher.line = lines.append  # type: ignore[method-assign]
    request = ExecutionRequest("news", "train", inputs={"a": ["datum://x"]}, tags=["t"])

    details = platform.run(request, watcher)

    assert details["status"] == "complete"
    bodies = {path: body for method, path, body, _ in stand.calls if method == "POST"}
    assert bodies["executions/"] == {
        "project": PROJECT, "commit": "abc", "step": "train", "inputs": {"a": ["datum://x"]}
    }  # fmt: skip
    assert bodies["executions/e1/tags/"] == {"tags": ["t"]}
    assert {token for *_, token in stand.calls} == {"Token secret"}
    assert slept == [3, 3]
    assert lines.count("hello") == 1
    assert [item["id"] for item in platform.outputs("e1")] == ["d1", "d2"]
    assert platform.output_url("d1") == "https://blob/d1"


def test_what_the_original_hook_could_be_asked_for(stand, platform):
    assert platform.project_id("news") == PROJECT
    assert platform.fetch(PROJECT) == {"commits": [], "errors": []}
    assert platform.repository_id(PROJECT) == "5"
    assert platform.newest_commit(PROJECT, "main") == "mine"
    with pytest.raises(UsageError, match="no commit of branch 'far'"):
        platform.newest_commit(PROJECT, "far")
    with pytest.raises(UsageError, match="has no repository"):
        platform.repository_id("another")
    platform.add_tags("e1", ["a", "b"])
    assert stand.calls[-1][:3] == ("POST", "executions/e1/tags/", {"tags": ["a", "b"]})


def test_a_busy_server_is_asked_again_with_longer_pauses(stand, platform, slept):
    stand.failures = [(503, {}), (429, {"Retry-After": "7"}), (502, {})]
    assert platform.project_id("news") == PROJECT
    assert slept == pytest.approx([1.0, 7.0, 4.0], rel=0.25)


def test_a_date_to_come_back_at_is_waited_for_up_to_the_longest_pause(stand, platform, slept):
    stand.failures = [(503, {"Retry-After": formatdate(time.time() + 1000, usegmt=True)})]
    assert platform.project_id("news") == PROJECT
    assert slept == [60.0]


def test_a_post_that_may_have_worked_is_not_sent_twice(stand, platform):
    stand.failures = [(502, {})]
    with pytest.raises(SurroundingsError, match="502"):
        platform.stop("execution", "e1")
    assert len(stand.calls) == 1


@pytest.mark.parametrize(("status", "said"), [(401, "token is not accepted"), (400, "bad day"), (404, "bad day")])
def test_what_no_retry_can_help(stand, platform, status, said):
    stand.failures = [(status, {})]
    with pytest.raises(UsageError, match=said):
        platform.project_id("news")


def test_stopping_what_runs(stand, platform):
    platform.start(ExecutionRequest("news", "train", commit="abc"), Watcher())
    platform.stop_current()
    assert stand.calls[-1][1] == "executions/e1/stop/"


def test_in_dev_mode_nothing_is_sent(stand, platform, monkeypatch):
    monkeypatch.setenv("LOCALHAI_MODE", "dev")
    with pytest.raises(UsageError, match="nothing reaches the platform"):
        platform.project_id("news")
    assert stand.calls == []


def test_another_host_gets_no_token(platform):
    with pytest.raises(SurroundingsError, match="another host"):
        platform.client.get("https://elsewhere/api/v0/data/")


def test_addresses():
    assert address_of("app.valohai.com", None, None) == "https://app.valohai.com"
    assert address_of("localhost:8443", None, "https") == "https://localhost:8443"
    assert address_of("localhost", 8443, None) == "https://localhost:8443"
    with pytest.raises(UsageError, match="no host"):
        address_of("", None, None)
