"""`localhai serve` killed with -9 while everything runs: the next one brings all of it to its right end."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from packing import packed

from localhai.vocabulary import FINAL

pytestmark = pytest.mark.docker

TOKEN = "a-token-of-this-test"
IMAGE = "python:3.11-slim"
YAML = f"""\
- step:
    name: make
    image: {IMAGE}
    command:
      - sleep 6
      - echo made > /valohai/outputs/made.txt
- step:
    name: use
    image: {IMAGE}
    command: cat /valohai/inputs/made/made.txt || true
    inputs: [{{name: made, optional: true}}]
- step:
    name: sweep
    image: {IMAGE}
    command: "sleep 2; echo {{parameters}}"
    parameters: [{{name: number, type: integer, default: 1}}]
"""
NODES = ("make", "use")


class Client(requests.Session):
    """Of whichever server lives now."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.headers["Authorization"] = f"Token {TOKEN}"
        self.base = ""

    def call(self, method: str, path: str, **more: Any) -> Any:
        answer = self.request(method, f"{self.base}/api/v0{path}", timeout=60, **more)
        assert answer.ok, answer.text
        return answer.json()


def serve(bench, client: Client):
    started = bench.start("serve", "--port", "0", "--jobs", "2", env={"LOCALHAI_TOKEN": TOKEN})
    client.base = bench.until(lambda: re.search(r"ready at (http://\S+)", started.err))[1]
    return started


def test_all_that_a_killed_server_had_begun_ends_right(bench):
    client = Client()
    first = serve(bench, client)
    project = client.call("POST", "/projects/", data={"name": "served"})["id"]
    files = {"data": ("data.tgz", packed({"valohai.yaml": YAML}))}
    commit = client.call("POST", f"/projects/{project}/import-package/", files=files)["identifier"]
    own = {"project": project, "commit": commit}
    edge = dict(zip(("source_node", "source_type", "source_key"), ("make", "output", "*"), strict=True))
    edge |= dict(zip(("target_node", "target_type", "target_key"), ("use", "input", "made"), strict=True))
    nodes = [{"name": name, "type": "execution", "template": {"commit": commit, "step": name}} for name in NODES]
    pipeline = client.call("POST", "/pipelines/", json={"project": project, "nodes": nodes, "edges": [edge]})
    numbers = {"number": {"style": "multiple", "rules": {"items": [1, 2, 3]}}}
    task = client.call("POST", "/tasks/", json={**own, "step": "sweep", "parameters": numbers})
    running = [client.call("POST", "/executions/", json={**own, "step": "make"}) for _ in range(2)]
    waiting = client.call("POST", "/executions/", json={**own, "step": "use"})

    def all_run() -> bool:
        ids = [item["id"] for item in running]
        found = client.call("GET", f"/pipelines/{pipeline['id']}/")["nodes"][0]["execution"]
        rows = {row.id: row for row in bench.records()}
        return bool(found) and all(rows[key].container_id for key in (*ids, found["id"]))

    bench.until(all_run)
    first.die()
    listed = bench.call("pipeline", "list", "--json")  # any other command leaves them to the next server
    second = serve(bench, client)

    def done(path: str) -> dict[str, Any] | None:
        found = client.call("GET", path)
        return found if found["status"] in FINAL else None

    ended = bench.until(lambda: done(f"/pipelines/{pipeline['id']}/"))
    assert (ended["status"], [node["status"] for node in ended["nodes"]]) == ("complete", ["complete", "complete"])
    swept = bench.until(lambda: done(f"/tasks/{task['id']}/"))
    assert (swept["status"], swept["status_summary"]["complete_count"]) == ("complete", 3)
    for item in (*running, waiting):
        assert bench.until(lambda key=item["id"]: done(f"/executions/{key}/"))["status"] == "complete"
    rows = client.call("GET", f"/executions/?project={project}")["results"]
    complete = sorted(row["step"] for row in rows if row["status"] == "complete")
    assert complete == ["make"] * 3 + ["sweep"] * 3 + ["use"] * 2
    made_anew = [row["status_detail"] for row in rows if row["status"] != "complete"]
    assert set(made_anew) <= {"its localhai died before its container ran"}
    events = client.call("GET", f"/executions/{ended['nodes'][1]['execution']['id']}/events/")["events"]
    assert "made" in [event["message"] for event in events]
    second.signal(15)
    assert second.code() == 0, second.err
    assert listed.code() == 0


def test_what_localhai_run_executes_beside_a_server_is_there_live(bench):
    client = Client()
    server = serve(bench, client)
    bench.step("echo first; sleep 60")
    beside = bench.start("run", "work")
    bench.container()

    def live() -> list[str]:
        rows = client.call("GET", "/executions/?status=started")["results"]
        if not rows:
            return []
        events = client.call("GET", f"/executions/{rows[0]['id']}/events/")["events"]
        return [rows[0]["id"]] if "first" in [event["message"] for event in events] else []

    (key,) = bench.until(live)
    assert client.call("POST", f"/executions/{key}/stop/") == {"message": "OK"}
    assert bench.until(lambda: client.call("GET", f"/executions/{key}/")["status"] == "stopped")
    beside.code()
    assert client.call("DELETE", f"/executions/{key}/") == {"ok": True}
    assert json.loads(bench.call("execution", "list", "--json").out) == []
    server.signal(15)
    assert server.code() == 0
    assert not Path(bench.home, "executions", "news", f"1-{key}").exists()
