from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from waiting import until

from localhai.server.app import assemble
from localhai.server.serving import serve_enabled
from localhai.server.state import State

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
- endpoint:
    name: predict
    image: python:3.11-slim
    server-command: python serve.py
    files:
      - {name: model, path: model.txt}
- endpoint:
    name: greet
    image: python:3.11-slim
    server-command: python serve.py
- deployment:
    name: production
    defaults: {target: valohai.cloud}
"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_):
        """Nothing on stderr."""


@pytest.fixture
def served(engine):
    """What containers of endpoints were given."""
    seen = []

    def behave(container):
        if container.spec.command[-1].endswith("/install"):
            return 0
        seen.append(dict(container.environment))
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.timeout = 0.02
        container.listen(8000, server.server_address[1])
        with server:
            while not container.stop_asked.is_set():
                server.handle_request()
            server.block_on_close = False
        return 143

    engine.behave(behave)
    return seen


@pytest.fixture
def body(demo, served):
    """What `vh deployment create-version -d production -e greet` sends."""
    del served
    demo.commit = demo.upload_files({"valohai.yaml": YAML, "serve.py": ""}).json()["identifier"]
    rows = demo.asker.get(f"/api/v0/deployments/?project={demo.id}").json()["results"]
    assert [row["name"] for row in rows] == ["production"]
    return {
        "commit": demo.commit,
        "deployment": rows[0]["id"],
        "environment_variables": {},
        "inherit_environment_variables": True,
        "name": "first",
        "enabled": True,
        "endpoint_configurations": {"greet": {"enabled": True, "files": {}, "replicas": 1}},
    }


def made(ada, body):
    answer = ada.post("/api/v0/deployment-versions/", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def reached(ada, version, *statuses):
    """The version, once its only endpoint has one of these statuses."""

    def look():
        found = ada.get(f"/api/v0/deployment-versions/{version['id']}/").json()
        return found if found["endpoints"][0]["status"] in statuses else None

    return until(look)


def test_a_version_is_served_until_it_is_disabled(ada, body):
    version = made(ada, body)
    assert (version["name"], version["enabled"], version["deployment"]["name"]) == ("first", True, "production")
    assert version["urls"]["display"].startswith(ada.url)
    found = reached(ada, version, "serving", "error")
    url = found["endpoints"][0]["url"]
    assert requests.get(f"{url}/hello", timeout=5).text == "/ada/demo/production/first/greet/hello"
    off = ada.patch(f"/api/v0/deployment-versions/{version['id']}/", json={"enabled": False}).json()
    assert off["enabled"] is False
    assert reached(ada, version, "stopped")["endpoints"][0]["url"] is None
    ada.patch(f"/api/v0/deployment-versions/{version['id']}/", json={"enabled": True})
    assert reached(ada, version, "serving")["enabled"] is True


def test_variables_of_the_project_reach_it_unless_it_says_no(ada, body, demo, served):
    for name, secret in (("OPEN", False), ("HIDDEN", True)):
        values = {"name": name, "value": f"{name}-value", "secret": secret}
        ada.post(f"/api/v0/projects/{demo.id}/environment_variable/", json=values)
    version = made(ada, {**body, "environment_variables": {"OWN": "own-value"}})
    reached(ada, version, "serving")
    assert {name: served[0].get(name) for name in ("OPEN", "HIDDEN", "OWN")} == {
        "OPEN": "OPEN-value",
        "HIDDEN": "HIDDEN-value",
        "OWN": "own-value",
    }
    assert version["environment_variables"] == {"OWN": {"value": None}}
    second = made(ada, {**body, "name": "second", "inherit_environment_variables": False})
    assert reached(ada, second, "serving")["inherit_environment_variables"] is False
    assert not {"OPEN", "HIDDEN"} & served[1].keys()


def test_a_version_that_is_not_enabled_is_not_served(ada, body, served):
    version = made(ada, {**body, "enabled": False, "aliases": ["live"]})
    assert version["endpoints"][0]["status"] == "created"
    assert version["aliases"] == [{"name": "live"}]
    second = made(ada, {**body, "name": "second", "enabled": False})
    pointed = ada.patch(f"/api/v0/deployment-versions/{second['id']}/", json={"aliases": ["live"]}).json()
    assert pointed["aliases"] == [{"name": "live"}]
    assert ada.get(f"/api/v0/deployment-versions/{version['id']}/").json()["aliases"] == []
    assert served == []


def test_the_next_server_serves_what_is_enabled(ada, body, state, running):
    on, off = made(ada, body), made(ada, {**body, "name": "second", "enabled": False})
    reached(ada, on, "serving")
    state.queue.ask_to_stop()
    state.queue.close()
    assert reached(ada, on, "stopped")["enabled"] is True
    second = assemble(State(state.home, state.secret, jobs=1))
    running[0].state.localhai = second
    serve_enabled(second)
    found = reached(ada, on, "serving")
    assert requests.get(found["endpoints"][0]["url"], timeout=5).ok
    assert reached(ada, off, "created")["enabled"] is False
    second.queue.ask_to_stop()
    second.queue.close()
    second.close()


def test_names_of_versions_are_suggested_and_taken_once(ada, body):
    path = f"/api/v0/deployments/{body['deployment']}/suggest_version_name/"
    first = ada.get(path).json()["name"]
    day, number = first.split(".")
    assert (len(day), number) == (8, "0")
    made(ada, {**body, "name": first, "enabled": False})
    assert ada.get(path).json()["name"] == f"{day}.1"
    again = ada.post("/api/v0/deployment-versions/", json={**body, "name": first})
    assert again.status_code == 400
    assert "already" in again.text
    assert made(ada, {**body, "name": "", "enabled": False})["name"] == f"{day}.1"


def test_what_cannot_be_served_is_in_the_version(ada, body, engine):
    engine.behave(lambda container: 0 if container.spec.command[-1].endswith("/install") else 3)
    found = reached(ada, made(ada, body), "error")
    assert "exit code 3" in found["endpoints"][0]["status_detail"]


def test_deployments_are_made_and_listed(ada, demo):
    path = f"/api/v0/deployments/?project={demo.id}"
    assert [row["name"] for row in ada.get(path).json()["results"]] == ["local"]
    row = ada.post("/api/v0/deployments/", json={"project": demo.id, "name": "staging"}).json()
    assert ada.get(f"/api/v0/deployments/{row['id']}/").json()["version_count"] == 0
    again = ada.post("/api/v0/deployments/", json={"project": demo.id, "name": "staging"})
    assert (again.status_code, list(again.json())) == (400, ["name"])
    assert [row["name"] for row in ada.get(f"{path}&ordering=-name").json()["results"]] == ["staging", "local"]
    assert ada.get(f"{path}&name=staging").json()["count"] == 1


def test_versions_are_listed(ada, body, demo):
    for name in ("a", "b"):
        made(ada, {**body, "name": name, "enabled": False})
    path = f"/api/v0/deployment-versions/?project={demo.id}"
    for query, names in (("", ["b", "a"]), ("&ordering=name", ["a", "b"]), ("&limit=1", ["b"]), ("&name=a", ["a"])):
        assert [row["name"] for row in ada.get(path + query).json()["results"]] == names, query
    assert ada.get(f"{path}&deployment={body['deployment']}").json()["count"] == 2
    assert ada.get(f"{path}&deployment=nothing").json()["count"] == 0
    assert ada.get(f"/api/v0/deployments/?project={demo.id}").json()["results"][0]["version_count"] == 2


def test_nobody_sees_the_deployments_of_another(ada, bob, body):
    version = made(ada, {**body, "enabled": False})
    assert bob.get("/api/v0/deployments/").json()["results"] == []
    assert bob.get("/api/v0/deployment-versions/").json()["results"] == []
    for path in (f"deployments/{body['deployment']}", f"deployments/{body['deployment']}/suggest_version_name"):
        assert bob.get(f"/api/v0/{path}/").status_code == 404
    assert bob.get(f"/api/v0/deployment-versions/{version['id']}/").status_code == 404
    assert bob.patch(f"/api/v0/deployment-versions/{version['id']}/", json={}).status_code == 404
    assert bob.post("/api/v0/deployment-versions/", json=body).status_code == 400
    assert ada.get("/api/v0/deployment-versions/nothing/").status_code == 404


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"deployment": "nothing"}, "deployment"),
        ({"deployment": None}, "deployment"),
        ({"commit": "~nothing"}, "commit"),
        ({"enabled": "maybe"}, "enabled"),
        ({"aliases": "live"}, "aliases"),
        ({"environment_variables": {"A": [1]}}, "environment_variables"),
        ({"endpoint_configurations": {}}, "endpoint_configurations"),
        ({"endpoint_configurations": {"greet": {"enabled": False}}}, "endpoint_configurations"),
        ({"endpoint_configurations": {"nothing": {}}}, "endpoint_configurations"),
        ({"endpoint_configurations": {"greet": 1}}, "endpoint_configurations"),
        ({"endpoint_configurations": {"predict": {}}}, "endpoint_configurations"),
        ({"endpoint_configurations": {"predict": {"files": {"model": "/etc/passwd"}}}}, "endpoint_configurations"),
        ({"endpoint_configurations": {"predict": {"files": {"model": "00000000-none"}}}}, "endpoint_configurations"),
        ({"endpoint_configurations": {"greet": {"files": {"nothing": "x"}}}}, "non_field_errors"),
    ],
)
def test_what_is_wrong_with_a_version_is_said_and_nothing_is_recorded(ada, body, change, name):
    answer = ada.post("/api/v0/deployment-versions/", json={**body, **change})
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == [name]
    assert ada.get("/api/v0/deployment-versions/").json()["count"] == 0
