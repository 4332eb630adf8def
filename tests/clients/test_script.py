"""A script against the documented API, with `requests` alone, as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from packing import packed
from served import TOKEN, Served
from waiting import until

from localhai.vocabulary import FINAL

pytestmark = pytest.mark.docker

SECONDS = 120
YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameter-value:epochs}
    parameters:
      - {name: epochs, type: integer, default: 2}
- pipeline:
    name: twice
    nodes:
      - {name: first, type: execution, step: train}
      - {name: second, type: execution, step: train}
    edges: []
"""
TRAIN = """\
import json, sys
for epoch in range(int(sys.argv[1])):
    print(json.dumps({"epoch": epoch}))
with open("/valohai/outputs/model.txt", "w") as file:
    file.write(sys.argv[1])
"""


@pytest.fixture
def api(tmp_path: Path):
    server = Served(tmp_path, "--jobs", "2", home=tmp_path / "home")
    with requests.Session() as session:
        session.headers["Authorization"] = f"Token {TOKEN}"

        def call(method: str, path: str, status: int = 200, **more: Any) -> Any:
            answer = session.request(method, f"{server.url}/api/v0/{path}", timeout=SECONDS, **more)
            assert answer.status_code == status, f"{method} {path}: {answer.text}"
            return answer.json() if answer.headers.get("Content-Type") == "application/json" else answer.text

        yield call
    server.end()


def ended(api: Any, path: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = api("GET", path)
        return found if found["status"] in FINAL else None

    return until(look, said=lambda: f"{path} does not end")


def test_a_day_of_a_script(api):
    project = api("POST", "projects/", 201, data={"name": "scripted"})["id"]
    files = {"data": ("data.tgz", packed({"valohai.yaml": YAML, "train.py": TRAIN}), "application/gzip")}
    commit = api("POST", f"projects/{project}/import-package/", 201, files=files)["identifier"]
    body = {"project": project, "commit": commit, "step": "train"}

    as_form = api("POST", "executions/", 201, data=body)
    as_json = api("POST", "executions/", 201, json={**body, "parameters": {"epochs": 3}})
    done = [ended(api, f"executions/{made['id']}/") for made in (as_form, as_json)]
    assert [(row["status"], row["cumulative_metadata"]) for row in done] == [
        ("complete", {"epoch": 1}),
        ("complete", {"epoch": 2}),
    ]
    events = api("GET", f"executions/{as_json['id']}/metadata/")
    assert [event["epoch"] for event in events] == [0, 1, 2]
    table = api("GET", "executions/multi_download_metadata_csv/", json={"ids": [row["id"] for row in done]})
    assert len(table.splitlines()) == 6

    page = api("GET", f"data/?project={project}&limit=1&ordering=ctime")
    rows = [*page["results"], *requests.get(page["next"], headers=token(), timeout=SECONDS).json()["results"]]
    contents = [requests.get(api("GET", f"data/{row['id']}/download/")["url"], timeout=SECONDS).text for row in rows]
    assert sorted(contents) == ["2", "3"]

    dataset = api("POST", "datasets/", 201, json={"name": "models", "owner": 1})["id"]
    first = api("POST", "dataset-versions/", 201, json=version(dataset, "v1", rows[:1]))
    assert api("GET", f"datasets/{dataset}/")["latest_version"]["id"] == first["id"]
    second = api("POST", "dataset-versions/", 201, json=version(dataset, "v2", rows, previous_version=first["id"]))
    shown = api("GET", f"dataset-versions/{second['id']}")
    assert (shown["previous_version"], len(shown["files"])) == (first["id"], 2)

    pipeline = api("POST", "pipelines/create-from-template/", 201, json={**body, "name": "twice"})
    assert {node["status"] for node in ended(api, f"pipelines/{pipeline['id']}/")["nodes"]} == {"complete"}
    variants = {"epochs": {"style": "linear", "rules": {"start": 1, "end": 2, "step": 1}}}
    task = api("POST", "tasks/", 201, json={**body, "type": "grid_search", "parameters": variants})
    assert ended(api, f"tasks/{task['id']}/")["status"] == "complete"
    assert len(api("GET", f"tasks/{task['id']}/execution_ids/")) == 2
    assert api("GET", f"executions/?task={task['id']}")["count"] == 2

    wrong = api("POST", "executions/", 400, json={**body, "step": "nothing"})
    assert "nothing" in str(wrong)
    api("DELETE", f"projects/{project}/", 204)
    assert api("GET", "projects/")["count"] == 0


def token() -> dict[str, str]:
    return {"Authorization": f"Token {TOKEN}"}


def version(dataset: str, name: str, rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"dataset": dataset, "name": name, "files": [{"datum": row["id"]} for row in rows], **more}
