"""`vh pipeline` against `localhai serve` and a real engine."""

from __future__ import annotations

import json

import pytest
from vh_command import linked

pytestmark = pytest.mark.docker

YAML = """\
- step:
    name: prepare
    image: python:3.11-slim
    command: echo {parameter-value:rows} > /valohai/outputs/rows.txt
    parameters:
      - {name: rows, type: integer, default: 10}
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters:
      - {name: epochs, type: integer, default: 2}
    inputs:
      - {name: data, optional: true}
- step:
    name: slow
    image: python:3.11-slim
    command: sleep 100
- task:
    name: sweep
    step: train
    type: grid_search
    parameters:
      - {name: epochs, style: multiple, rules: {items: [3, 4]}}
- pipeline:
    name: all-of-it
    parameters:
      - {name: size, default: 20, targets: [prepare.parameters.rows]}
      - {name: length, targets: [many.parameters.epochs]}
    nodes:
      - {name: prepare, type: execution, step: prepare}
      - {name: train, type: execution, step: train}
      - {name: many, type: task, task: sweep}
    edges:
      - [prepare.output.*, train.input.data]
      - [prepare.output.*, many.input.data]
- pipeline:
    name: slow-one
    nodes:
      - {name: slow, type: execution, step: slow}
    edges: []
"""
TRAIN = """\
import json, sys
with open("/valohai/inputs/data/rows.txt") as file:
    print(json.dumps({"rows": int(file.read()), "epochs": sys.argv[1]}))
"""


@pytest.fixture(scope="module")
def demo(vh_program, tmp_path_factory):
    files = {"valohai.yaml": YAML, "train.py": TRAIN}
    with linked(vh_program, tmp_path_factory.mktemp("pipelines"), files, "--jobs", "2") as made:
        yield made


def metadata(vh, reference):
    """Of the pipeline's node `train`, and of its task's executions."""
    nodes = {node["name"]: node for node in vh.api(f"pipelines/{reference}/")["nodes"]}
    rows = vh.api(f"tasks/{nodes['many']['task']['id']}/executions/")["results"]
    return nodes["train"]["execution"]["cumulative_metadata"], [row["cumulative_metadata"] for row in rows]


def test_pipelines_are_run_reused_listed_and_stopped(demo):
    vh, project = demo
    assert "No pipelines" in vh("pipeline", "list")
    said = vh("pipeline", "run", "--adhoc", "--tag", "one", "all-of-it", "--size=7", "--train.epochs=9")
    assert f"Pipeline =1 queued. See {vh.server.url}/p/{project}/pipeline/" in said
    assert vh.until_ended(f"pipelines/{project}:1/") == "complete"
    train, many = metadata(vh, f"{project}:1")
    assert train == {"rows": 7, "epochs": "--epochs=9"}
    assert [item["epochs"] for item in many] == ["--epochs=3", "--epochs=4"]

    vh("pipeline", "run", "--adhoc", "--title", "again", "--reuse", "latest:prep*", "all-of-it", "--length=5")
    assert vh.until_ended(f"pipelines/{project}:latest/") == "complete"
    train, many = metadata(vh, f"{project}:2")
    assert train == {"rows": 7, "epochs": "--epochs=2"}
    assert {item["epochs"] for item in many} == {"--epochs=5"}
    nodes = [vh.api(f"pipelines/{project}:{counter}/")["nodes"][0]["execution"]["id"] for counter in (1, 2)]
    assert nodes[0] == nodes[1]

    vh("pipeline", "run", "--adhoc", "slow-one")
    listed = vh("pipeline", "list")
    assert all(word in listed for word in ("all-of-it", "again", "slow-one", "complete", "started"))
    assert [row["counter"] for row in vh.json("pipeline", "list", "--count", "1")] == [3]
    assert "OK" in vh("pipeline", "stop", "3")
    assert vh.until_ended(f"pipelines/{project}:3/") == "stopped"
    assert "Nothing to stop" in vh("pipeline", "stop", "--all")
    assert "is stopped already" in vh("pipeline", "stop", "latest")


def test_what_vh_converts_runs_as_it_is(demo):
    vh, project = demo
    vh("exec", "run", "--adhoc", "prepare")
    commit = vh.api(f"commits/?project={project}")["results"][0]["identifier"]
    body = json.loads(vh("pipeline", "convert-to-api", "all-of-it", "--commit", commit))
    made = vh.api("pipelines/", "POST", json={**body, "project": project, "title": "by hand"})
    assert vh.until_ended(f"pipelines/{made['id']}/") == "complete"
    assert metadata(vh, made["id"])[0] == {"rows": 20, "epochs": "--epochs=2"}


def test_mistakes_in_pipelines_are_said_in_words(demo):
    vh, project = demo
    known = vh.api(f"pipelines/?project={project}")["count"]
    run = ["pipeline", "run", "--adhoc"]
    assert '"nothing" is not a known pipeline' in vh(*run, "nothing", code=2)
    assert "Node 'nothing' not found" in vh(*run, "slow-one", "--nothing.x=1", code=2)
    assert "does not refer to a parameter or input" in vh(*run, "all-of-it", "--train.nothing=1", code=2)
    assert "must be valid URI" in vh(*run, "all-of-it", "--train.data=here", code=2)
    refused = vh(*run, "all-of-it", "--size=many", code=1)
    assert "many" in refused
    assert "rows" in refused
    assert "Pipeline =99 does not exist" in vh(*run, "--reuse", "99:prepare", "all-of-it", code=1)
    assert vh.api(f"pipelines/?project={project}")["count"] == known
