"""What the addresses that clients send may reach: files of the machine, its network, data of others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localhai.executions.run import inputs
from localhai.server.app import assemble
from localhai.server.state import State
from localhai.testing import Canned
from tests.fake.server.conftest import packed

SECRET = "sesame of the machine"
YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: cat /valohai/inputs/data/* {parameters}
    parameters:
      - {name: d, type: string, default: none}
      - {name: n, type: integer, default: 1}
    inputs:
      - name: data
        default: "%s"
        optional: true
- endpoint:
    name: predict
    image: python:3.11-slim
    server-command: python serve.py
    files:
      - {name: model, path: model.bin}
"""
INDIRECT = {
    "{parameter:d}": "{secret}",
    "datum://{parameter:d}": "{datum}",
    "{parameter:d}/passwd": "{folder}",
    "file:{parameter:d}": "{secret}",
    "http://{parameter:d}/x": "127.0.0.1:1",
    " Datum://{parameter:d}": " {datum} ",
}


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "passwd"
    file.write_text(SECRET)
    return file


@pytest.fixture
def adas(demo, engine, state) -> str:
    """The id of a datum of Ada's."""
    engine.behave(Canned(files={"model.bin": "of Ada"}))
    state.queue.start()
    made: str = demo.ended(demo.queued()["id"])["outputs"][0]["id"]
    return made


@pytest.fixture
def bobs(bob):
    """A project of Bob's, who is not the first user. Gives what a request needs, for a step with this default."""
    project = bob.post("/api/v0/projects/", data={"name": "bobs"}).json()["id"]

    def asked(default: str = "") -> dict[str, str]:
        files = {"data": ("data.tgz", packed({"valohai.yaml": YAML % default}), "application/gzip")}
        answer = bob.post(f"/api/v0/projects/{project}/import-package/", files=files)
        assert answer.status_code == 201, answer.text
        return {"project": project, "commit": answer.json()["identifier"], "step": "train"}

    return asked


def spelled(text: str, **known: object) -> str:
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


LOCAL = [
    "{secret}",
    " {secret}",
    "file://{secret}",
    "file:{secret}",
    "FILE://{secret}",
    "file://localhost{secret}",
    "{folder}/*",
    "{folder}/**/passwd",
    "file:{folder}/pass%77d",
    "valohai.yaml",
    "../passwd",
    "~/passwd",
]


def ways(asked: dict[str, str], uri: str) -> dict[str, dict[str, Any]]:
    """Bodies by path, each of which names the address."""
    template = {"commit": asked["commit"], "step": "train", "inputs": {"data": [uri]}}
    node = {"name": "a", "type": "execution", "template": template}
    grid = {"n": {"style": "multiple", "rules": {"items": [1]}}}
    return {
        "executions": {**asked, "inputs": {"data": [uri]}},
        "tasks": {**asked, "type": "grid_search", "parameters": grid, "inputs": {"data": [uri]}},
        "pipelines": {"project": asked["project"], "nodes": [node], "edges": []},
    }


@pytest.mark.parametrize("text", LOCAL)
def test_no_file_of_the_machine_is_given_to_a_client(bob, bobs, state, secret, text):
    uri, asked = spelled(text, secret=secret, folder=secret.parent), bobs()
    for path, body in ways(asked, uri).items():
        answer = bob.post(f"/api/v0/{path}/", json=body)
        assert answer.status_code == 400, (path, answer.text)
        assert uri.strip() in answer.text, "it is named"
        assert "--allow-folder" in answer.text
    of_yaml = bob.post("/api/v0/executions/", json=bobs(uri))
    assert of_yaml.status_code == 400, of_yaml.text
    assert state.home.executions() == []


@pytest.mark.parametrize("text", [*LOCAL, "FILE:/etc/passwd"])
def test_no_file_of_the_machine_gets_into_a_deployment(bob, bobs, state, secret, text):
    uri, asked = spelled(text, secret=secret, folder=secret.parent), bobs()
    deployment = bob.post("/api/v0/deployments/", json={"project": asked["project"], "name": "d"}).json()["id"]
    body = {
        "deployment": deployment,
        "commit": asked["commit"],
        "endpoint_configurations": {"predict": {"files": {"model": uri}}},
    }
    answer = bob.post("/api/v0/deployment-versions/", json=body)
    assert answer.status_code == 400, answer.text
    assert "endpoint_configurations" in answer.json()
    assert state.home.records.deployments.versions() == []


@pytest.mark.parametrize("default", list(INDIRECT))
@pytest.mark.parametrize("kind", ["executions", "tasks", "pipelines"])
def test_what_a_parameter_makes_of_an_address_is_judged_as_it_is_resolved(
    bob, bobs, adas, engine, state, secret, kind, default
):
    """The default of the commit has the parameter, the request its value."""
    engine.behave(Canned(files={"read": "anything"}))
    value = spelled(INDIRECT[default], secret=secret, folder=secret.parent, datum=adas)
    asked = bobs(default)
    body: dict[str, Any] = {**asked, "parameters": {"d": value}}
    if kind == "tasks":
        body |= {"type": "grid_search", "parameters": {"d": {"style": "multiple", "rules": {"items": [value]}}}}
    if kind == "pipelines":
        template = {"commit": asked["commit"], "step": "train", "parameters": {"d": value}}
        node = {"name": "a", "type": "execution", "template": template}
        body = {"project": asked["project"], "nodes": [node], "edges": []}
    answer = bob.post(f"/api/v0/{kind}/", json=body)
    if answer.status_code == 201:
        bob.ended(kind, answer.json()["id"])
    else:
        assert answer.status_code == 400, answer.text
    for execution in state.home.executions(project_id=asked["project"]):
        assert execution.status == "error", execution.to_dict()
        assert not any(item["files"] for item in execution.inputs)
        assert SECRET not in json.dumps(execution.to_dict())


@pytest.mark.parametrize("text", ["datum://{datum}", "Datum://{datum}", " datum://{datum}", "DATUM://{DATUM} "])
def test_the_data_of_another_user_are_as_if_they_were_not_there(bob, bobs, adas, state, text):
    uri, asked = spelled(text, datum=adas, DATUM=adas.upper()), bobs()
    for path, body in ways(asked, uri).items():
        answer = bob.post(f"/api/v0/{path}/", json=body)
        assert answer.status_code == 400, (path, answer.text)
        assert "does not exist" in answer.text
    assert state.home.executions(project_id=asked["project"]) == []


def test_an_alias_or_a_version_that_holds_anothers_data_gives_none(bob, bobs, adas, state):
    """However it came to point there: by hand, or before the project changed hands."""
    asked = bobs()
    state.home.records.aliases.point(asked["project"], "best", adas)
    made = bob.post("/api/v0/executions/", json={**asked, "inputs": {"data": ["datum://best"]}})
    assert made.status_code == 201, made.text
    found = bob.ended("executions", made.json()["id"])
    assert found["status"] == "error"
    assert "no datum of that id or alias" in found["status_detail"]


def test_folders_that_the_server_allows_are_read_and_nothing_beside_them(bob, bobs, state, allow, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "a.csv").write_text("a")
    (shared / "way").symlink_to(tmp_path)
    (tmp_path / "passwd").write_text(SECRET)
    allow(serve_folders=(shared,))
    state.queue.start()
    asked = bobs()
    made = bob.post("/api/v0/executions/", json={**asked, "inputs": {"data": [f"{shared}/*.csv"]}})
    found = bob.ended("executions", made.json()["id"])
    assert found["status"] == "complete", found
    for wrong in (f"{shared}/way/passwd", f"{shared}/../passwd", f"{tmp_path}/**", f"{shared}/way/*"):
        assert bob.post("/api/v0/executions/", json={**asked, "inputs": {"data": [wrong]}}).status_code == 400, wrong


def test_a_stand_in_is_its_owners_choice(bob, bobs, state, engine, allow, secret):
    """Also of an on-demand input, and by the address that was asked for in inputs.json."""
    allow(inputs={"s3://bucket/data.csv": str(secret)})
    seen = []
    engine.behave(lambda container: seen.append(container.config("inputs.json")) or 0)
    state.queue.start()
    made = bob.post("/api/v0/executions/", json={**bobs(), "inputs": {"data": ["s3://bucket/data.csv"]}})
    assert made.status_code == 201, made.text
    found = bob.ended("executions", made.json()["id"])
    assert found["status"] == "complete", found
    assert seen[0]["data"]["files"][0]["uri"] == "s3://bucket/data.csv"
    (listed,) = state.home.execution(found["id"]).inputs
    assert listed["files"][0]["uri"] == "s3://bucket/data.csv"
    assert listed["files"][0]["stand_in"] == secret.as_uri()


def test_a_localhai_toml_that_comes_with_code_says_nothing(bob, bobs, state, secret):
    project = bobs()["project"]
    toml = f'[inputs]\n"s3://bucket/x" = "{secret}"\n[serve]\nfolders = ["/"]\n'
    files = {"valohai.yaml": YAML % "", "localhai.toml": toml}
    package = {"data": ("data.tgz", packed(files), "application/gzip")}
    commit = bob.post(f"/api/v0/projects/{project}/import-package/", files=package).json()["identifier"]
    body = {"project": project, "commit": commit, "step": "train"}
    answer = bob.post("/api/v0/executions/", json={**body, "inputs": {"data": [str(secret)]}})
    assert answer.status_code == 400
    state.queue.start()
    made = bob.post("/api/v0/executions/", json={**body, "inputs": {"data": ["s3://bucket/x"]}}).json()["id"]
    assert bob.ended("executions", made)["status"] == "error"


@pytest.mark.parametrize("text", ["{own}/health", "http://localhost:1/x", "http://[::1]/x", "HTTP://169.254.169.254/"])
def test_nothing_of_the_machines_network_is_fetched_for_a_client(bob, bobs, text):
    asked, address = bobs(), spelled(text, own=bob.url)
    store = bob.get("/api/v0/stores/").json()["results"][0]["id"]
    answer = bob.post(f"/api/v0/stores/{store}/adopt/", json={"url": address, "project": asked["project"]})
    assert answer.status_code == 400
    assert "--allow-address" in answer.json()["url"][0]["message"]
    answer = bob.post("/api/v0/executions/", json={**asked, "inputs": {"data": [address]}})
    assert answer.status_code == 400
    assert address in answer.text


# whoever goes on with it


def test_an_execution_that_waits_stays_its_clients_under_another_server(bob, bobs, state, allow, secret):
    allow(serve_folders=(secret.parent,))
    made = bob.post("/api/v0/executions/", json={**bobs(), "inputs": {"data": [str(secret)]}})
    assert made.status_code == 201, made.text
    allow(serve_folders=())
    again = assemble(State(state.home, "another secret", jobs=1))  # after a restart
    again.queue.start()
    try:
        found = bob.ended("executions", made.json()["id"])
    finally:
        again.queue.ask_to_stop()
        again.queue.close()
        again.close()
    assert found["status"] == "error"
    assert "--allow-folder" in found["status_detail"]


def test_a_task_that_goes_on_stays_its_clients(bob, bobs, state, allow, secret):
    allow(serve_folders=(secret.parent,))
    asked = bobs()
    kind = {"type": "grid_search", "parameters": {"n": {"style": "multiple", "rules": {"items": [1]}}}}
    made = bob.post("/api/v0/tasks/", json={**asked, **kind, "inputs": {"data": [str(secret)]}})
    assert made.status_code == 201, made.text
    bob.ended("tasks", made.json()["id"])
    (child,) = state.home.executions(project_id=asked["project"])
    assert child.status == "complete"
    record = state.home.records.tasks.get(made.json()["id"])
    assert record.document["requester"] == child.record.document["requester"]
    assert record.document["requester"] == state.records.users.named("bob").id


def test_what_a_container_asks_for_is_asked_for_by_its_client(bob, bobs, state, secret):
    made = bob.post("/api/v0/executions/", json=bobs()).json()["id"]
    record = state.home.records.executions.get(made)
    listed = inputs.ListedFile("data", "id", "passwd", str(secret), "s3://bucket/x")
    with pytest.raises(Exception, match="--allow-folder"):
        inputs.fetch_listed(state.home, state.home.settings, record, listed)
    assert (
        inputs.fetch_listed(
            state.home,
            state.home.settings,
            record,
            inputs.ListedFile("data", "id", "x", str(secret), "s3://b/x", True),
        ).path.read_text()
        == SECRET
    )
