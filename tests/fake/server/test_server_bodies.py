"""What each endpoint says of a body in which one field is odd: `refused.json` holds the answers, and none may change.

RECORD_BODIES=1 writes the file anew: do that for a new field only, and read the difference.
"""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path

import pytest

from localhai.testing import Canned

RECORDED = Path(__file__).with_name("refused.json")
ODD = [None, "", "x", "5", "true", 5, 2.5, True, [], ["x"], [1], {}, {"x": "y"}, {"x": 1}, {"x": {"y": 1}}, "x\0y"]
NESTED = [None, "x", 5, [], ["x"], {"x": 1}, "x\0y"]
FORM = ["", "x", "5", "true"]
LONG = "x" * 10_001
YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    environment-variables:
      - {name: x, optional: true}
    parameters:
      - {name: x, type: integer, default: 2, optional: true}
    inputs:
      - {name: x, optional: true}
- pipeline:
    name: both
    parameters:
      - {name: x, targets: [first.parameters.x], default: 5}
    nodes:
      - {name: first, type: execution, step: train}
      - {name: many, type: task, step: train}
      - {name: there, type: deployment, deployment: live, endpoints: [greet]}
    edges: []
- endpoint:
    name: greet
    image: python:3.11-slim
    server-command: python serve.py
- deployment:
    name: live
    defaults: {}
"""


def words(text):
    return text.split()


STEP = words("commit step inputs image environment title tags environment_variables time_limit parameters")
RESOURCES = "runtime_config.kubernetes.containers.workload.resources"
TASK = words(
    "type configuration maximum_queued_executions on_child_error task_stop_expression stop_expression allow_reuse"
    " parameter_sets priority runtime_config environment_variable_groups parameters.x.style parameters.x.rules"
    " parameters.x.rules.count parameters.x.rules.items configuration.execution_count configuration.engine"
    " configuration.execution_batch_size configuration.parameter_sets configuration.optimization_target_metric"
    " configuration.optimization_target_value"
)
NODE = words(
    "nodes nodes.0 nodes.0.name nodes.0.type nodes.0.source nodes.0.on_error nodes.0.on-error nodes.0.actions"
    " nodes.0.edge-merge-mode nodes.0.edge_merge_mode nodes.0.template nodes.0.commit nodes.0.actions.0.when"
    " nodes.0.actions.0.if nodes.0.actions.0.then"
)
TEMPLATE = [
    f"nodes.0.template.{name}"
    for name in words(
        "commit step inputs inputs.x parameters parameters.x image command environment environment-variables"
        " environment_variables environment_variables.x type configuration"
    )
]
EDGE = [
    f"edges.0{name}"
    for name in [
        "",
        *words(".source_node .source_type .source_key .target_node .target_type .target_key .configuration"),
    ]
]
_uuid_re = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_today_re = re.compile(r"20\d{6}(?=\.\d)")  # in names of versions
SHOWN = words(  # of an answer that takes the body: what it says again
    "name title description owner tags priority parameters inputs image environment environment_variables step type"
    " configuration parameter_sets maximum_queued_executions on_child_error task_stop_expression allow_reuse enabled"
    " aliases endpoint_configurations inherit_environment_variables status message ok value size events"
)


def bodies(demo):
    """Endpoint, body that is right, odd fields, in a name that stands in the file."""
    of_step = {"project": demo.id, "commit": demo.commit, "step": "train"}
    template = {"commit": demo.commit, "step": "train", "parameters": {"x": 1}, "inputs": {}}
    first = {"name": "first", "type": "execution", "template": template, "actions": [{"when": "node-error"}]}
    second = {"name": "second", "type": "execution", "template": template}
    edge = dict(zip(("source_node", "source_type", "source_key"), ("first", "output", "*"), strict=True))
    edge |= dict(zip(("target_node", "target_type", "target_key"), ("second", "input", "x"), strict=True))
    nodes = {"project": demo.id, "nodes": [first, second], "edges": [edge], "parameters": {}}
    given = {"x": {"config": {"targets": ["first.parameters.x"]}, "expression": 5}}
    linear = {"x": {"style": "linear", "rules": {"start": 1, "end": 2, "step": 1}}}
    multiple = {"x": {"style": "multiple", "rules": {"items": [1, 2]}}}
    random_search = {**of_step, "type": "random_search", "parameters": linear, "configuration": {"execution_count": 2}}
    post = demo.asker.post
    datum = demo.datum
    deployment = post("/api/v0/deployments/", json={"project": demo.id, "name": "d"}).json()["id"]
    dataset = post("/api/v0/datasets/", json={"project": demo.id, "name": "d"}).json()["id"]
    model = post("/api/v0/models/", json={"project": demo.id, "name": "d"}).json()["id"]
    files = [{"datum": datum}]
    project, variable = f"/projects/{demo.id}/", f"/projects/{demo.id}/environment_variable/"
    version = {"deployment": deployment, "commit": demo.commit, "enabled": False}
    version["endpoint_configurations"] = {"greet": {"enabled": True, "files": {}, "replicas": 1}}
    parts = "commit name enabled inherit_environment_variables environment_variables aliases endpoint_configurations"
    parts += " endpoint_configurations.greet endpoint_configurations.greet.files endpoint_configurations.greet.enabled"
    approved = post("/api/v0/model-versions/", json={"model": model, "files": files}).json()["id"]
    deployed = post("/api/v0/deployment-versions/", json={**version, "name": "v"}).json()["id"]
    execution = demo.queued()["id"]
    execution_fields = [*STEP, "project", "priority", "environment_variable_groups", "runtime_config"]
    limits = [f"{RESOURCES}.{name}" for name in ("requests", "limits", "limits.cpu", "limits.memory", "limits.devices")]
    return {
        "token": ("POST", "/get-token/", {"username": "ada", "password": "token-of-ada"}, ["username", "password"]),
        "project": ("POST", "/projects/", {"name": "n"}, ["name", "description", "owner"]),
        "renamed": ("PUT", project, {"name": "demo"}, ["name", "description"]),
        "variable": ("POST", variable, {"name": "A", "value": "1", "secret": False}, ["name", "value", "secret"]),
        "no variable": ("DELETE", variable, {"name": "A"}, ["name"]),
        "execution": ("POST", "/executions/", of_step, execution_fields),
        "values": (
            "POST",
            "/executions/",
            of_step,
            ["inputs.x", "parameters.x", "parameters.x.style", "environment_variables.x", "nothing.x", "tags.0"],
        ),
        "limits": (
            "POST",
            "/executions/",
            of_step,
            [*limits, "runtime_config.no_output_timeout", "runtime_config.kubernetes"],
        ),
        "tags": ("POST", f"/executions/{execution}/tags/", {"tags": ["x"]}, ["tags"]),
        "table": ("GET", "/executions/multi_download_metadata_csv/", {"ids": [execution]}, ["ids"]),
        "task": ("POST", "/tasks/", {**of_step, "type": "grid_search", "parameters": multiple}, [*STEP, "project"]),
        "sweep": ("POST", "/tasks/", random_search, TASK),
        "manual": ("POST", "/tasks/", {**of_step, "type": "manual_search", "parameter_sets": [{"x": 1}]}, TASK[:7]),
        "pipeline": (
            "POST",
            "/pipelines/",
            nodes,
            ["project", "title", "tags", "commit", "reuse_executions", "blueprint", *NODE, *TEMPLATE],
        ),
        "edges": (
            "POST",
            "/pipelines/",
            {**nodes, "parameters": given},
            ["edges", *EDGE, "parameters", "parameters.x", "parameters.x.config", "parameters.x.config.targets"],
        ),
        "task node": (
            "POST",
            "/pipelines/",
            {"project": demo.id, "nodes": [{"name": "many", "type": "task", "template": {"step": "train"}}]},
            [*NODE[1:3], *NODE[5:11], *TEMPLATE],
        ),
        "other task node": (
            "POST",
            "/pipelines/",
            {
                "project": demo.id,
                "nodes": [{"name": "new", "type": "task", "template": {"step": "train", "parameters": multiple}}],
            },
            TEMPLATE,
        ),
        "deployment node": (
            "POST",
            "/pipelines/",
            {"project": demo.id, "commit": demo.commit, "nodes": [{"name": "there", "type": "deployment"}]},
            NODE[2:6],
        ),
        "blueprint": (
            "POST",
            "/pipelines/create-from-template/",
            {"project": demo.id, "commit": demo.commit, "name": "both"},
            ["project", "commit", "name", "title", "tags", "parameters", "parameters.x", "nodes", "edges"],
        ),
        "alias": (
            "POST",
            "/datum-aliases/",
            {"project": demo.id, "name": "a", "datum": datum},
            ["project", "name", "datum"],
        ),
        "deployment": ("POST", "/deployments/", {"project": demo.id, "name": "n"}, ["project", "name"]),
        "version": ("POST", "/deployment-versions/", version, ["deployment", *parts.split()]),
        "enabled": ("PATCH", f"/deployment-versions/{deployed}/", {}, ["enabled", "aliases", "name"]),
        "dataset": ("POST", "/datasets/", {"name": "n", "project": demo.id}, ["name", "owner", "project"]),
        "dataset version": (
            "POST",
            "/dataset-versions/",
            {"dataset": dataset, "name": "v", "files": files},
            words("dataset name tags files files.0 files.0.datum aliases release_note previous_version"),
        ),
        "model": ("POST", "/models/", {"name": "n", "project": demo.id}, ["name", "tags", "project"]),
        "model version": (
            "POST",
            "/model-versions/",
            {"model": model, "files": files},
            words("model name tags files aliases release_note previous_version"),
        ),
        "judged": ("PUT", f"/model-versions/{approved}/", {"status": "approved"}, ["status"]),
        "upload": (
            "POST",
            "/data/create-upload/",
            {"project": demo.id, "name": "a.txt"},
            ["project", "name", "size", "tags", "aliases", "metadata"],
        ),
        "adopted": (
            "POST",
            f"/stores/{demo.store}/adopt/",
            {"url": "https://localhost:1/x", "project": demo.id},
            ["url", "project"],
        ),
        "notebook": (
            "POST",
            "/notebook-executions/",
            {"project": demo.id, "image": "jupyter"},
            ["project", "image", "environment", "environment_variables", "title", "tags", "priority", "time_limit"],
        ),
    }


NAMES = (
    "token project renamed variable/no variable/execution values limits tags table task sweep manual pipeline edges/"
    "task node/other task node/deployment node/blueprint alias deployment version enabled dataset/dataset version/"
    "model/model version/judged upload adopted notebook"
)
NAMES = [name for part in NAMES.split("/") for name in ([part] if part.count(" ") in {1, 2} else part.split())]


def odd(body, field, value):
    """A copy in which the field, named by its path, has the value; what lacks on the way is made."""
    found = copy.deepcopy(body)
    place, *rest = found, *field.split(".")
    for named in rest[:-1]:
        key = int(named) if isinstance(place, list) else named
        if isinstance(place, dict) and not isinstance(place.get(key), (dict, list)):
            place[key] = {}
        place = place[key]
    place[int(rest[-1]) if isinstance(place, list) else rest[-1]] = value
    return found


def said(answer):
    """What a client hears, without what is another at each request."""
    if answer.headers.get("content-type") != "application/json":
        return [answer.status_code]
    found = answer.json()
    if answer.status_code < 400 and isinstance(found, dict):
        found = {name: found[name] for name in SHOWN if name in found}
        found.pop("status", None)
        found |= {"nodes": [node["name"] for node in answer.json()["nodes"]]} if "nodes" in answer.json() else {}
    return [answer.status_code, json.loads(_today_re.sub("TODAY", _uuid_re.sub("ID", json.dumps(found))))]


def grouped(found):
    """Fields by what is said of them, long texts shortened: a file that people can read."""
    groups = {}
    for key, answer in found.items():
        groups.setdefault(json.dumps(answer, sort_keys=True), []).append(key)
    return {answer.replace(LONG, "LONG"): "; ".join(keys).replace(LONG, "LONG") for answer, keys in groups.items()}


def case(demo, method, path, body, form=None):
    sent = {"data": form} if form is not None else {"json": body}
    return said(demo.asker.request(method, f"/api/v0{path}", **sent))


def answers(demo, method, path, body, fields):
    """By what is odd, in words: what the server says."""
    found = {"right": case(demo, method, path, body), "more": case(demo, method, path, {**body, "unknown": [1]})}
    for field in fields:
        for value in NESTED if "." in field else [*ODD, LONG]:
            found[f"{field} {json.dumps(value)}"] = case(demo, method, path, odd(body, field, value))
    if method != "GET" and all(isinstance(value, str) for value in body.values()):
        for field in fields:
            for value in FORM if "." not in field else []:
                found[f"form {field} {value}"] = case(demo, method, path, None, {**body, field: value})
    for field in body:
        found[f"without {field}"] = case(demo, method, path, {key: body[key] for key in body if key != field})
    return found


@pytest.fixture
def prepared(demo, engine):
    engine.behave(Canned(), step="train")
    demo.commit = demo.upload_files({"valohai.yaml": YAML, "serve.py": ""}).json()["identifier"]
    made = demo.asker.post("/api/v0/data/create-upload/", json={"project": demo.id, "name": "x.txt"}).json()
    demo.asker.put(made["url"].removeprefix(demo.asker.url), data=b"x")
    complete = made["complete_url"].removeprefix(demo.asker.url)
    demo.datum = demo.asker.post(complete).json()["id"]
    demo.store = demo.asker.get("/api/v0/stores/").json()["results"][0]["id"]
    return demo


@pytest.mark.parametrize("name", NAMES)
def test_a_body_with_an_odd_field_is_answered_as_ever(prepared, name):
    found = grouped(answers(prepared, *bodies(prepared)[name]))
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if os.environ.get("RECORD_BODIES"):
        RECORDED.write_text(json.dumps({**recorded, name: found}, indent=1, sort_keys=True) + "\n")
        return
    assert found == recorded[name]
