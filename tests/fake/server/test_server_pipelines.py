from __future__ import annotations

import threading
import time

import pytest
from waiting import until

from localhai.testing import Canned

YAML = """\
- step:
    name: prepare
    image: python:3.11-slim
    command: python prepare.py {parameters}
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
    environment-variables:
      - {name: MODE, default: slow}
"""


@pytest.fixture
def body(demo):
    """What `vh pipeline run` sends for two nodes."""
    demo.commit = demo.upload_files({"valohai.yaml": YAML}).json()["identifier"]
    of_prepare = {"commit": demo.commit, "step": "prepare", "name": "prepare", "parameters": {"rows": 10}, "inputs": {}}
    of_train = {
        "commit": demo.commit,
        "step": "train",
        "name": "train",
        "image": "python:3.11-slim",
        "command": "python train.py {parameters}",
        "parameters": {"epochs": "7"},
        "inputs": {"data": []},
        "environment-variables": {"MODE": "fast"},
    }
    return {
        "project": demo.id,
        "title": "both",
        "tags": ["nightly"],
        "parameters": {},
        "edges": [
            {
                "source_node": "prepare",
                "source_type": "output",
                "source_key": "*",
                "target_node": "train",
                "target_type": "input",
                "target_key": "data",
            }
        ],
        "nodes": [
            {"name": "prepare", "type": "execution", "template": of_prepare},
            {"name": "train", "type": "execution", "on-error": "stop-next", "template": of_train},
        ],
    }


def started(ada, body):
    answer = ada.post("/api/v0/pipelines/", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_pipeline_runs_with_what_its_nodes_say(ada, engine, body, demo):
    seen = {}

    def look(container):
        seen[container.step] = (container.parameters, container.environment.get("MODE"))
        return 0

    engine.behave(Canned(files={"rows.csv": b"1,2"}), step="prepare")
    engine.behave(look, step="train")
    made = started(ada, body)
    assert (made["counter"], made["title"], made["urls"]["display"] != "") == (1, "both", True)
    done = ada.ended("pipelines", f"{demo.id}:latest")
    assert (done["status"], done["tags"]) == ("complete", ["nightly"])
    assert [(node["name"], node["status"]) for node in done["nodes"]] == [
        ("prepare", "complete"),
        ("train", "complete"),
    ]
    assert seen["train"] == ({"epochs": 7}, "fast")
    execution = demo.get(done["nodes"][1]["execution"]["id"])
    assert execution["inputs"][0]["urls"][0].startswith("datum://")
    assert done["edges"][0]["target_node"] == done["nodes"][1]["id"]


@pytest.mark.parametrize(("expression", "rows"), [("99", 99), ("", 10), (None, 10)])
def test_parameters_of_a_pipeline_reach_their_targets(ada, body, demo, expression, rows):
    config = {"name": "size", "targets": ["prepare.parameters.rows"]}
    body["parameters"] = {"size": {"config": config, "expression": expression}}
    made = started(ada, body)
    done = ada.ended("pipelines", made["id"])
    assert demo.get(done["nodes"][0]["execution"]["id"])["parameters"] == {"rows": rows}


BLUEPRINT = """\
- pipeline:
    name: both
    parameters:
      - {name: size, targets: [prepare.parameters.rows]}
    nodes:
      - {name: prepare, type: execution, step: prepare}
      - {name: train, type: execution, step: train}
    edges:
      - [prepare.output.*, train.input.data]
"""


@pytest.mark.parametrize(("path", "key"), [("create-from-template/", "name"), ("", "blueprint")])
def test_a_pipeline_of_valohai_yaml_runs_by_its_name(ada, demo, engine, path, key):
    engine.behave(Canned(files={"rows.csv": b"1,2"}), step="prepare")
    commit = demo.upload_files({"valohai.yaml": YAML + BLUEPRINT}).json()["identifier"]
    body = {"project": demo.id, "commit": commit, key: "both", "parameters": {"size": 7}}
    made = ada.post(f"/api/v0/pipelines/{path}", json=body).json()
    done = ada.ended("pipelines", made["id"])
    assert (done["title"], done["status"]) == ("both", "complete")
    assert demo.get(done["nodes"][0]["execution"]["id"])["parameters"] == {"rows": 7}
    unknown = ada.post(f"/api/v0/pipelines/{path}", json={**body, key: "none"})
    assert (unknown.status_code, list(unknown.json())) == (400, ["blueprint"])


TASKS = """\
- task:
    name: sweep
    step: prepare
    type: grid_search
    parameters:
      - {name: rows, style: multiple, rules: {items: [1, 2]}}
- pipeline:
    name: other
    nodes:
      - {name: many, type: task, step: train}
      - {name: last, type: execution, step: train}
    edges: []
- pipeline:
    name: sweeping
    parameters:
      - {name: size, targets: [many.parameters.rows]}
    nodes:
      - {name: many, type: task, task: sweep}
    edges: []
"""


@pytest.fixture
def sweeping(demo):
    """What `vh pipeline run sweeping` sends."""
    commit = demo.upload_files({"valohai.yaml": YAML + TASKS}).json()["identifier"]
    rules = {"rows": {"style": "multiple", "rules": {"items": [1, 2]}}}
    template = {"commit": commit, "step": "prepare", "type": "grid_search", "parameters": rules, "inputs": {}}
    nodes = [{"name": "many", "type": "task", "template": template}]
    return {"project": demo.id, "title": "sweeping", "parameters": {}, "edges": [], "nodes": nodes}


def rows_of(ada, demo):
    executions = ada.get(f"/api/v0/executions/?project={demo.id}&ordering=counter").json()["results"]
    return sorted(demo.get(row["id"])["parameters"]["rows"] for row in executions)


def test_a_task_node_runs_its_blueprint(ada, demo, sweeping):
    done = ada.ended("pipelines", started(ada, sweeping)["id"])
    assert done["status"] == "complete"
    assert ada.get(f"/api/v0/tasks/{demo.id}:latest/").json()["n_executions"] == 2
    assert rows_of(ada, demo) == [1, 2]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("node", "7"),
        ("pipeline", "7"),
    ],
)
def test_what_is_given_for_a_task_node_counts(ada, demo, sweeping, place, value):
    sweeping["nodes"][0]["template"]["environment"] = "aws-small"
    if place == "node":
        sweeping["nodes"][0]["template"]["parameters"]["rows"] = value
    else:
        config = {"name": "size", "targets": ["many.parameters.rows"]}
        sweeping["parameters"] = {"size": {"config": config, "expression": value}}
    assert ada.ended("pipelines", started(ada, sweeping)["id"])["status"] == "complete"
    assert set(rows_of(ada, demo)) == {7}
    row = ada.get(f"/api/v0/executions/?project={demo.id}").json()["results"][0]
    assert row["environment"]["slug"] == "aws-small"


@pytest.mark.parametrize(("key", "value"), [("parameters", {"nothing": 1}), ("inputs", {"nothing": []})])
def test_what_a_task_node_does_not_have_is_said(ada, sweeping, key, value):
    sweeping["nodes"][0]["template"][key] = value
    answer = ada.post("/api/v0/pipelines/", json=sweeping)
    assert (answer.status_code, list(answer.json())) == (400, ["nodes"])


def test_a_node_that_fails_stops_the_next(ada, engine, body):
    engine.behave(Canned(exit_code=1), step="prepare")
    done = ada.ended("pipelines", started(ada, body)["id"])
    assert (done["status"], done["nodes"][0]["status"]) == ("error", "error")


def test_nodes_of_an_earlier_pipeline_are_reused(ada, engine, body):
    engine.behave(Canned(files={"rows.csv": b"1,2"}), step="prepare")
    first = ada.ended("pipelines", started(ada, body)["id"])
    body["nodes"][0] = {"type": "mimic", "name": "prepare", "source": first["nodes"][0]["id"]}
    second = ada.ended("pipelines", started(ada, body)["id"])
    assert second["status"] == "complete"
    assert second["nodes"][0]["execution"]["id"] == first["nodes"][0]["execution"]["id"]


def test_earlier_pipelines_are_read_once_for_all_nodes_that_are_reused(ada, state, engine, body, monkeypatch):
    engine.behave(Canned(files={"rows.csv": b"1,2"}), step="prepare")
    first = ada.ended("pipelines", started(ada, body)["id"])
    kept = [node for node in first["nodes"] if node["status"] == "complete"]
    assert len(kept) > 1
    names = {node["name"]: node["id"] for node in kept}
    body["nodes"] = [{"type": "mimic", "name": name, "source": source} for name, source in names.items()]
    body["edges"] = []
    reads = []
    pipelines = state.records.pipelines
    listed = pipelines.list
    monkeypatch.setattr(pipelines, "list", lambda *a, **k: reads.append(k) or listed(*a, **k))
    ada.ended("pipelines", started(ada, body)["id"])
    assert len([read for read in reads if read.get("limit") == 1000]) == 1


def test_a_pipeline_is_stopped_by_a_doubled_slash(ada, engine, body):
    begun = []

    def stay(container):
        begun.append(container)
        container.sleep(60)
        return 0

    engine.behave(stay, step="prepare")
    made = started(ada, body)
    until(lambda: begun)
    assert ada.post(made["url"].removeprefix(ada.url) + "/stop/").json() == {"message": "OK"}
    assert ada.ended("pipelines", made["id"])["status"] == "stopped"
    assert "already" in ada.post(f"/api/v0/pipelines/{made['id']}/stop/").json()["message"]


def test_lists_are_filtered(ada, body, demo):
    for _ in range(2):
        ada.ended("pipelines", started(ada, body)["id"])
    path = f"/api/v0/pipelines/?project={demo.id}"
    for query, counters in (
        ("&ordering=-counter&limit=9001", [2, 1]),
        ("&ordering=counter", [1, 2]),
        ("&counter=1", [1]),
        ("&status=incomplete", []),
        ("&deleted=True", []),
    ):
        assert [row["counter"] for row in ada.get(path + query).json()["results"]] == counters


def test_nobody_sees_the_pipelines_of_another(ada, bob, body, demo):
    made = started(ada, body)
    ada.ended("pipelines", made["id"])
    assert bob.get("/api/v0/pipelines/").json()["results"] == []
    assert bob.get(f"/api/v0/pipelines/{made['id']}/").status_code == 404
    assert bob.get(f"/api/v0/pipelines/{demo.id}:1/").status_code == 404
    assert bob.post(f"/api/v0/pipelines/{made['id']}/stop/").status_code == 404
    assert bob.post("/api/v0/pipelines/", json=body).status_code == 404


def spoiled(body, path, value):
    *places, last = path
    for place in places:
        body = body[place]
    body[last] = value


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        (["nodes"], [], "nodes"),
        (["nodes"], {"a": 1}, "nodes"),
        (["nodes", 0, "template", "step"], "nothing", "nodes"),
        (["nodes", 0, "template", "step"], None, "step"),
        (["nodes", 0, "template", "commit"], "~nothing", "commit"),
        (["nodes", 0, "template", "parameters"], {"nothing": 1}, "nodes"),
        (["nodes", 0, "template", "parameters"], {"rows": "many"}, "non_field_errors"),
        (["nodes", 0, "template", "inputs"], {"nothing": []}, "nodes"),
        (["nodes", 0, "type"], "dance", "nodes"),
        (["nodes", 0], {"name": "prepare", "type": "task", "template": {"step": "none"}}, "nodes"),
        (["nodes", 0, "type"], "mimic", "nodes"),
        (["nodes", 1, "name"], "prepare", "nodes"),
        (["nodes", 1, "on-error"], "dance", "nodes"),
        (["edges", 0, "source_node"], "nothing", "edges"),
        (["edges", 0, "source_node"], "train", "edges"),
        (["edges", 0, "source_key"], None, "edges"),
        (["nodes", 1, "on-error"], ["stop-all"], "nodes"),
        (["nodes", 1, "actions"], [{"when": 1}], "nodes"),
        (["nodes", 1, "template", "command"], 1, "nodes"),
        (["parameters"], {"a": 1}, "parameters"),
        (["parameters"], [1], "parameters"),
        (["parameters"], {"a": {"config": 1}}, "parameters"),
        (["parameters"], {"a": {"config": {"targets": 1}}}, "parameters"),
    ],
)
def test_what_is_wrong_with_a_pipeline_is_said_and_nothing_is_recorded(ada, body, path, value, name):
    spoiled(body, path, value)
    answer = ada.post("/api/v0/pipelines/", json=body)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == [name]
    assert ada.get("/api/v0/pipelines/").json()["count"] == 0


def test_pipelines_and_executions_share_the_jobs_of_the_server(ada, engine, state, demo, body):
    """One at a time, whatever started it: this server has one job."""
    at_once, most, lock = [0], [0], threading.Lock()

    def count(_container):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.05)
        with lock:
            at_once[0] -= 1
        return 0

    engine.behave(count)
    made = [demo.queued(step="prepare")["id"] for _ in range(3)]
    state.queue.start()
    pipelines = [started(ada, body)["id"] for _ in range(3)]
    assert {ada.ended("pipelines", item)["status"] for item in pipelines} == {"complete"}
    assert {demo.ended(item)["status"] for item in made} == {"complete"}
    assert most == [1]


REQUIRED = (
    YAML
    + """\
- step:
    name: needs
    image: python:3.11-slim
    command: python needs.py {parameters}
    parameters:
      - {name: n, type: integer}
      - {name: word, type: string}
"""
)


@pytest.mark.parametrize("empty", ["", None, {"style": "single", "rules": {"value": ""}}])
def test_what_an_edge_will_bring_may_be_empty_in_a_template(ada, demo, engine, empty):
    commit = demo.upload_files({"valohai.yaml": REQUIRED}).json()["identifier"]
    engine.behave(Canned(output='{"best": 7, "word": "good"}\n'), step="prepare")
    parameters = {"n": empty, "word": empty}
    edges = [
        {
            "source_node": "prepare",
            "source_type": "metadata",
            "source_key": source,
            "target_node": "needs",
            "target_type": "parameter",
            "target_key": target,
        }
        for source, target in (("best", "n"), ("word", "word"))
    ]
    nodes = [
        {"name": "prepare", "type": "execution", "template": {"commit": commit, "step": "prepare"}},
        {
            "name": "needs",
            "type": "execution",
            "template": {"commit": commit, "step": "needs", "parameters": parameters},
        },
    ]
    body = {"project": demo.id, "title": "p", "edges": edges, "nodes": nodes}
    done = ada.ended("pipelines", started(ada, body)["id"])
    assert done["status"] == "complete"
    assert demo.get(done["nodes"][1]["execution"]["id"])["parameters"] == {"n": 7, "word": "good"}
    refused = ada.post("/api/v0/pipelines/", json={**body, "edges": edges[1:], "nodes": nodes})
    assert (refused.status_code, "parameter n needs a value" in refused.text) == (400, True)


def test_a_task_node_that_valohai_yaml_does_not_have_is_as_its_template_says(ada, demo):
    commit = demo.upload_files({"valohai.yaml": YAML}).json()["identifier"]
    rules = {"rows": {"style": "linear", "rules": {"start": 1, "end": 3, "step": 1}}}
    template = {
        "commit": commit,
        "step": "prepare",
        "type": "grid_search",
        "parameters": rules,
        "maximum_queued_executions": 2,
        "on_child_error": "stop-all-and-error",
        "configuration": {},
    }
    nodes = [
        {"name": "many", "type": "task", "template": template},
        {"name": "one", "type": "task", "template": {"commit": commit, "step": "prepare", "parameters": {"rows": 9}}},
    ]
    done = ada.ended("pipelines", started(ada, {"project": demo.id, "title": "p", "edges": [], "nodes": nodes})["id"])
    assert (done["status"], [node["type"] for node in done["nodes"]]) == ("complete", ["task", "task"])
    assert rows_of(ada, demo) == [1, 2, 3, 9]
    nodes[0]["template"]["parameters"] = {"nothing": rules["rows"]}
    refused = ada.post("/api/v0/pipelines/", json={"project": demo.id, "title": "p", "edges": [], "nodes": nodes})
    assert (refused.status_code, list(refused.json())) == (400, ["nodes"])


@pytest.mark.parametrize(("expression", "name"), [("x", "x"), ("", ""), (None, "")])
def test_an_empty_text_is_the_value_of_a_text_as_in_a_pipeline_of_valohai_yaml(ada, body, demo, expression, name):
    named = YAML.replace("default: 10}", "default: 10}\n      - {name: name.of, default: plain}", 1)
    body["nodes"][0]["template"]["commit"] = demo.upload_files({"valohai.yaml": named}).json()["identifier"]
    config = {"name": "title", "targets": ["prepare.parameters.name.of"]}
    body["parameters"] = {"title": {"config": config, "expression": expression}}
    done = ada.ended("pipelines", started(ada, body)["id"])
    assert demo.get(done["nodes"][0]["execution"]["id"])["parameters"] == {"rows": 10, "name.of": name}


def test_events_of_actions_are_written_in_any_case(ada, body):
    body["nodes"][0]["actions"] = [{"when": "Node-Complete", "then": "stop-pipeline"}]
    assert ada.ended("pipelines", started(ada, body)["id"])["status"] == "stopped"


def test_an_edge_that_cannot_give_a_parameter_its_only_value_is_refused(ada, body, demo):
    needs = YAML.replace("name: epochs, type: integer, default: 2", "name: epochs, type: integer")
    commit = demo.upload_files({"valohai.yaml": needs}).json()["identifier"]
    for node in body["nodes"]:
        node["template"]["commit"] = commit
    body["nodes"][1]["template"]["parameters"] = {}
    edge = {"source_type": "parameter", "source_key": "size", "target_type": "parameter", "target_key": "epochs"}
    body["edges"] = [{**body["edges"][0], **edge}]
    answer = ada.post("/api/v0/pipelines/", json=body)
    assert (answer.status_code, "has no parameter 'size'" in answer.text) == (400, True), answer.text
