"""Every endpoint that clients call has a route, and answers them."""

from __future__ import annotations

import re

import pytest
from waiting import until

from localhai.server.app import PREFIX
from localhai.testing import Canned
from tests.fake.server.endpoints import ENDPOINTS

SIDECAR = (
    '{"valohai.dataset-versions": [{"uri": "dataset://animals/v1"}],'
    ' "valohai.model-versions": [{"model_uri": "model://classifier/"}], "valohai.alias": "newest"}'
)
YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
- pipeline:
    name: both
    nodes:
      - {name: first, type: execution, step: train}
    edges: []
- endpoint:
    name: greet
    image: python:3.11-slim
    server-command: python serve.py
"""


def shape(path):
    return re.sub(r"\{[^}]*\}", "{}", path)


@pytest.fixture(scope="module")
def routes(running):
    app, _where = running
    return {
        (method.upper(), shape(path.removeprefix(PREFIX)))
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }


@pytest.mark.parametrize("number", list(ENDPOINTS))
def test_every_endpoint_has_a_route(routes, number):
    method, path = ENDPOINTS[number]
    assert (method, shape(path)) in routes


class Walk:
    """One call of each endpoint, with what the calls before it made."""

    def __init__(self, demo, place):
        self.asker, self.demo, self.place = demo.asker, demo, place
        self.known = {"project": demo.id, "commit": demo.commit, "execution": f"{demo.id}:1"}
        self.answers = {}

    def __call__(self, number, query="", **more):
        method, path = ENDPOINTS[number]
        answer = self.asker.request(method, PREFIX + path.format(**self.known) + query, **more)
        assert answer.status_code < 300, f"{number} {method} {path}: {answer.status_code} {answer.text}"
        self.answers[number] = answer
        is_json = answer.content and answer.headers["content-type"] == "application/json"
        return answer.json() if is_json else answer.text

    def json(self, number, **body):
        return self(number, json={"project": self.demo.id, "commit": self.demo.commit, **body})

    def until(self, number, path, ended=("complete", "error", "stopped")):
        until(lambda: self.asker.get(f"{PREFIX}{path}").json()["status"] in ended)
        assert self.asker.get(f"{PREFIX}{path}").json()["status"] == "complete", number


@pytest.fixture
def walk(demo, engine, state):
    demo.commit = demo.upload_files({"valohai.yaml": YAML, "serve.py": ""}).json()["identifier"]
    engine.behave(Canned('{"loss": 0.5}\n', files={"a.txt": b"a", "a.txt.metadata.json": SIDECAR}), step="train")
    state.queue.start()
    return Walk(demo, state.home.folder)


def users_and_projects(walk):
    walk("E1", data={"username": "ada", "password": "token-of-ada"})
    for number in ("E2", "E3", "E4", "E5", "E7", "E8", "E9", "E16", "E26", "S16", "S17"):
        walk(number)
    walk("E6", data={"name": "another"})
    walk("E10")
    walk("E11", files={"data": ("data.tgz", packed_of(walk), "application/gzip")})
    walk("E12", json={"name": "A", "value": "1", "secret": False})
    walk("E13", json={"name": "A"})
    walk("E14", f"?project={walk.demo.id}&include=config")
    walk("E15", "?limit=10000&ordering=-commit_time")


def packed_of(walk):
    del walk
    from tests.fake.server.conftest import packed

    return packed({"valohai.yaml": YAML, "more.txt": ""})


def executions_and_data(walk):
    made = walk.json("E18", step="train", inputs={}, parameters={})
    walk.until("E18", f"/executions/{made['id']}/")
    for number in ("E17", "E19", "E24", "E25", "E27", "E31", "S1", "S2", "S12"):
        walk(number)
    walk.known["datum"] = walk("E27", f"?output_execution={made['id']}")["results"][0]["id"]
    walk.known["store"] = walk("S12")["results"][0]["id"]
    walk("E22", json={"tags": ["one"]})
    walk("E21")
    walk("E28")
    walk("E29")
    walk("E32", f"?name=newest&project={walk.demo.id}")
    assert "loss" in walk("S3", json={"ids": [made["id"]]})


def pipelines_and_tasks(walk):
    template = {"commit": walk.demo.commit, "step": "train", "name": "first", "parameters": {}, "inputs": {}}
    nodes = [{"name": "first", "type": "execution", "template": template}]
    made = walk.json("E35", nodes=nodes, edges=[], parameters={})
    walk.known["pipeline"] = made["id"]
    walk.until("E35", f"/pipelines/{made['id']}/")
    walk.until("S5", f"/pipelines/{walk.json('S5', name='both')['id']}/")
    task = walk.json("E40", step="train", type="grid_search", parameters={})
    walk.known["task"] = task["id"]
    walk.until("E40", f"/tasks/{task['id']}/")
    for number in ("E33", "E34", "E36", "E37", "E38", "E39", "S4"):
        walk(number)


def versions(walk):
    walk.known["model"] = walk("E44")["results"][0]["id"]
    walk.known["version"] = walk("E46", f"?model={walk.known['model']}&limit=100")["results"][0]["id"]
    for number in ("E45", "E47", "E48", "E49"):
        walk(number)
    walk.known["dataset"] = walk("S6")["results"][0]["id"]
    walk.known["dataset_version"] = walk("S8")["latest_version"]["id"]
    walk.json("S7", name="by-hand")
    walk.json("S10", dataset=walk.known["dataset"], name="v2", files=[{"datum": walk.known["datum"]}])
    walk("S9")
    walk("S11")
    walk.known["deployment"] = walk("E41", f"?project={walk.demo.id}")["results"][0]["id"]
    name = walk("E42")["name"]
    walk.json(
        "E43",
        deployment=walk.known["deployment"],
        name=name,
        enabled=False,
        endpoint_configurations={"greet": {"enabled": True, "files": {}, "replicas": 1}},
    )


def what_takes_away(walk, place):
    walk("E30")
    walk("E20")
    walk("S13", json={"url": place, "project": walk.demo.id})
    walk("S14", json={"name": "renamed"})
    walk.json("E23", image="python:3.11-slim", environment="PROJECT_DEFAULT")
    until(lambda: not walk("E17", f"?project={walk.demo.id}&status=incomplete")["count"])
    walk("S15")


def test_a_walk_through_all_endpoints(walk, running, allow):
    allow(serve_addresses=("127.0.0.0/8",))
    users_and_projects(walk)
    executions_and_data(walk)
    pipelines_and_tasks(walk)
    versions(walk)
    what_takes_away(walk, f"{running[1]}/health")
    assert set(walk.answers) == set(ENDPOINTS)


@pytest.mark.parametrize("number", [number for number in ENDPOINTS if number != "E1"])
def test_no_endpoint_answers_without_a_token(nobody, number):
    method, path = ENDPOINTS[number]
    answer = nobody.request(method, PREFIX + re.sub(r"\{[^}]*\}", "nothing", path))
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"


def test_a_deleted_project_is_nobodys_and_its_data_are_gone(ada, demo, engine, state, tmp_path):
    engine.behave(Canned(files={"a.txt": b"a"}))
    made = demo.queued()
    running = ada.delete(f"/api/v0/projects/{demo.id}/")
    assert (running.status_code, "stop it" in running.text) == (400, True)
    state.queue.start()
    (output,) = demo.ended(made["id"])["outputs"]
    own = state.home.records.projects.of_folder(tmp_path, "a folder of Ada's")
    assert ada.delete(f"/api/v0/projects/{own.id}/").status_code == 400
    assert ada.delete(f"/api/v0/projects/{demo.id}/").status_code == 204
    for path in (f"projects/{demo.id}", f"executions/{made['id']}", f"data/{output['id']}"):
        assert ada.get(f"/api/v0/{path}/").status_code == 404
    assert ada.get("/api/v0/projects/").json()["count"] == 1
    assert state.home.records.data.get(output["id"]).purged
    assert ada.post("/api/v0/projects/", data={"name": "demo"}).status_code == 201


def test_metadata_of_executions_come_as_one_table(ada, bob, demo, engine, state):
    engine.behave(Canned('{"loss": 0.5}\n{"loss": 0.25, "deep": {"a": 1}}\n'))
    ids = [demo.queued()["id"] for _ in range(2)]
    state.queue.start()
    for reference in ids:
        demo.ended(reference)
    answer = ada.get("/api/v0/executions/multi_download_metadata_csv/", json={"ids": ids})
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert lines[0] == "id,execution,_time,loss,deep"
    assert [line.split(",")[1] for line in lines[1:]] == ["1", "1", "2", "2"]
    assert lines[2].endswith(',0.25,"{""a"": 1}"')
    for body, status in (({"ids": []}, 400), ({"ids": "all"}, 400), ({"ids": ["nothing"]}, 404)):
        assert ada.get("/api/v0/executions/multi_download_metadata_csv/", json=body).status_code == status
    assert bob.get("/api/v0/executions/multi_download_metadata_csv/", json={"ids": ids}).status_code == 404
