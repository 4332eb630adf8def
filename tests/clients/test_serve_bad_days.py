"""`localhai serve` on bad days: many at once, records that are away, two servers, an end in the midst of an upload."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from packing import packed
from served import TOKEN, Served
from waiting import until

from localhai.vocabulary import FINAL

pytestmark = pytest.mark.docker

YAML = """\
- step:
    name: quick
    image: python:3.11-slim
    command: "true"
- step:
    name: slow
    image: python:3.11-slim
    command: sleep 100
"""


class Script(requests.Session):
    """`call` gives the JSON of an answer, which must be a good one."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.trust_env = False
        self.headers["Authorization"] = f"token {TOKEN}"  # as some write it
        self.api = f"{url}/api/v0"
        self.project = self.call("POST", "/projects/", data={"name": f"scripted {time.time_ns()}"})["id"]
        path = f"/projects/{self.project}/import-package/"
        package = packed({"valohai.yaml": YAML})
        self.commit = self.call("POST", path, files={"data": ("data.tgz", package)})["identifier"]

    def call(self, method: str, path: str, **more: Any) -> Any:
        answer = self.request(method, f"{self.api}{path}", timeout=60, **more)
        assert answer.ok, answer.text
        return answer.json()

    def start(self, step: str = "quick", **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.call(
            "POST", "/executions/", json={"project": self.project, "commit": self.commit, "step": step, **more}
        )
        return made

    def ended(self, path: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.call("GET", path)
            return found if found["status"] in FINAL else None

        return until(look, said=lambda: self.call("GET", path))


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("requests")
    made = Served(folder, "--jobs", "2", home=folder / "home")
    yield made
    made.end()
    assert made.process.returncode == 0


@pytest.fixture
def script(served) -> Script:
    return Script(served.url)


def test_fifty_posts_at_once_are_fifty_executions(script):
    running = [script.start("slow", priority=9) for _ in range(2)]
    made: list[int] = []

    def post() -> None:
        made.append(script.start()["counter"])

    threads = [threading.Thread(target=post) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(3, 53))
    counters = [("counter", str(number)) for number in made]
    for row in script.call("GET", "/executions/", params=[("project", script.project), *counters])["results"]:
        script.call("POST", f"/executions/{row['id']}/stop/")
    for item in running:
        script.call("POST", f"/executions/{item['id']}/stop/")
    left = f"/executions/?project={script.project}&status=incomplete"
    until(lambda: script.call("GET", left)["count"] == 0)


def test_a_database_that_is_away_for_a_moment_keeps_clients_waiting(served, script):
    locked = sqlite3.connect(Path(served.home) / "localhai.db", isolation_level=None)
    locked.execute("BEGIN EXCLUSIVE")
    answers: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: answers.append(script.start()))
    asking.start()
    time.sleep(1.5)
    assert answers == []
    locked.execute("ROLLBACK")
    locked.close()
    asking.join()
    assert script.ended(f"/executions/{answers[0]['id']}/")["status"] == "complete"


def test_two_servers_on_one_home_share_its_queue(served, script):
    with_other = Served(Path(served.home).parent, "--jobs", "2", home=Path(served.home))
    try:
        made = [script.start() for _ in range(6)]
        other = Script(with_other.url)
        made += [other.start() for _ in range(2)]
        for item in made:
            assert other.ended(f"/executions/{item['id']}/")["status"] == "complete"
    finally:
        with_other.end()


def test_the_end_of_the_server_is_told_to_who_uploads(tmp_path):
    served = Served(tmp_path, home=tmp_path / "home")
    script = Script(served.url)
    place = re.sub("^http://", "", served.url)
    host, _, port = place.partition(":")
    lines = [
        f"POST /api/v0/projects/{script.project}/import-package/ HTTP/1.1",
        f"Host: {place}",
        f"Authorization: Token {TOKEN}",
        "Content-Type: multipart/form-data; boundary=b",
        "Content-Length: 90000000",
        "",
        '--b\r\nContent-Disposition: form-data; name="data"; filename="data.tgz"\r\n\r\n',
    ]
    with socket.create_connection((host, int(port)), timeout=60) as uploading:
        uploading.sendall("\r\n".join(lines).encode() + b"z" * 1_000_000)
        time.sleep(0.5)  # until the server has begun to read it, which nothing shows
        said = served.end(signal.SIGTERM)
        answer = uploading.recv(1000)
    assert served.process.returncode == 0
    assert "Traceback" not in said
    assert b" 503 " in answer.splitlines()[0]
    assert list((tmp_path / "home").rglob(".upload-*")) == []
