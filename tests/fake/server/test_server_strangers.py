"""Every route of the application, asked by somebody without a token, and by a user for what is another's.

The routes are those of the OpenAPI document, so that a new one is asked too; one with an id that is not known here
fails until somebody says below what Ada has of it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from localhai.testing import Canned

SECRET = "sesame"  # in everything that Ada has, and in nothing that Bob asks
YAML = f"""\
- step:
    name: {SECRET}-step
    image: python:3.11-slim
    command: echo {SECRET}
    parameters:
      - {{name: n, type: integer, default: 1}}
- endpoint:
    name: {SECRET}-endpoint
    image: python:3.11-slim
    server-command: python serve.py
- deployment:
    name: {SECRET}-deployment
    defaults: {{target: valohai.cloud}}
"""
SIDECAR = {
    "valohai.alias": f"{SECRET}-alias",
    "valohai.tags": [f"{SECRET}-tag"],
    "valohai.dataset-versions": [{"uri": f"dataset://{SECRET}-set/first"}],
    "valohai.model-versions": [{"model_uri": f"model://{SECRET}-model/"}],
}
OPEN = {  # without a token of the API: for everybody, or signed, or by a password
    ("post", "/api/v0/get-token/"),
    ("get", "/health"),
    ("get", "/api/v0/data/{datum_id}/content/"),
    ("head", "/api/v0/data/{datum_id}/content/"),
    ("put", "/api/v0/data/uploads/{upload_id}/content/"),
}


@pytest.fixture
def routes(running) -> list[tuple[str, str]]:
    """(method, path) of all that the application answers."""
    app, _ = running
    return [(method, path) for path, methods in app.openapi()["paths"].items() for method in methods]


@pytest.fixture
def adas(ada, demo, state, engine) -> dict[str, str]:
    """One of everything. By the name of the path's parameter, with its collection where several have one name."""
    output = f"{SECRET}.bin"
    files = {output: SECRET, f"{output}.metadata.json": json.dumps(SIDECAR)}
    engine.behave(Canned(f"{SECRET}\n", files=files))

    def posted(path: str, **body: Any) -> dict[str, Any]:
        answer = ada.post(f"/api/v0/{path}/", json=body)
        assert answer.status_code == 201, (path, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    def rows(path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ada.get(f"/api/v0/{path}/").json()["results"]
        return found

    project = posted("projects", name=f"{SECRET}-project", description=SECRET)["id"]
    demo = replace(demo, id=project)
    commit = demo.commit = demo.upload_files({"valohai.yaml": YAML}).json()["identifier"]
    step = {"project": project, "commit": commit, "step": f"{SECRET}-step", "title": SECRET}
    ada.post(f"/api/v0/projects/{project}/environment_variable/", json={"name": "sesame", "value": SECRET})
    state.queue.start()
    execution = demo.ended(posted("executions", **step)["id"])
    template = {"commit": commit, "step": f"{SECRET}-step", "name": "a", "parameters": {}, "inputs": {}}
    nodes = [{"name": "a", "type": "execution", "template": template}]
    pipeline = posted("pipelines", project=project, title=SECRET, nodes=nodes, edges=[], parameters={})
    grid = {"n": {"style": "multiple", "rules": {"items": [1]}}}
    task = posted("tasks", **step, type="grid_search", parameters=grid)
    for kind, made in (("pipelines", pipeline), ("tasks", task)):
        ada.ended(kind, made["id"])
    state.queue.ask_to_stop()
    state.queue.close()
    waiting = posted("executions", **step)  # stays queued: nobody runs it any more
    deployment = posted("deployments", project=project, name=f"{SECRET}-more")["id"]
    version = {"commit": commit, "deployment": deployment, "name": SECRET, "enabled": False}
    configuration = {f"{SECRET}-endpoint": {"enabled": True, "files": {}}}
    upload = posted("data/create-upload", project=project, name=SECRET)
    return {
        "project_id": project,
        "identifier": commit,
        "executions/reference": execution["id"],
        "waiting": waiting["id"],
        "pipelines/reference": pipeline["id"],
        "tasks/reference": task["id"],
        "datum_id": execution["outputs"][0]["id"],
        "alias_id": f"{project}:{SECRET}-alias",
        "upload_id": upload["id"],
        "store_id": rows("stores")[0]["id"],
        "deployment_id": deployment,
        "deployment-versions/version_id": posted(
            "deployment-versions", **version, endpoint_configurations=configuration
        )["id"],
        "dataset_id": rows("datasets")[0]["id"],
        "dataset-versions/version_id": rows("dataset-versions")[0]["id"],
        "model_id": rows("models")[0]["id"],
        "model-versions/version_id": rows("model-versions")[0]["id"],
    }


def filled(path: str, ids: dict[str, str]) -> str:
    """The path with Ada's ids. Raises KeyError for a parameter of which `adas` has nothing."""
    collection = path.removeprefix("/api/v0/").split("/")[0]
    parts = []
    for part in path.split("/"):
        name = part.strip("{}")
        known = ids.get(f"{collection}/{name}") or ids.get(name)
        if part.startswith("{") and known is None:
            raise KeyError(f"{path}: say in `adas` what Ada has of {name}")
        parts.append(str(known) if part.startswith("{") else part)
    return "/".join(parts)


def snapshot(ada, ids: dict[str, str]) -> dict[str, Any]:
    """What Ada sees of it all."""
    paths = [
        f"projects/{ids['project_id']}",
        *(f"executions/{ids[name]}" for name in ("executions/reference", "waiting")),
        f"pipelines/{ids['pipelines/reference']}",
        f"tasks/{ids['tasks/reference']}",
        f"data/{ids['datum_id']}",
        "datum-aliases",
        f"deployments/{ids['deployment_id']}",
        f"deployment-versions/{ids['deployment-versions/version_id']}",
        f"datasets/{ids['dataset_id']}",
        f"model-versions/{ids['model-versions/version_id']}",
        f"projects/{ids['project_id']}/commits",
    ]
    found = {}
    for path in paths:
        answer = ada.get(f"/api/v0/{path}/")
        assert answer.status_code == 200, (path, answer.text)
        found[path] = without_links(answer.json())
    return found


def without_links(value: Any) -> Any:
    """Signed addresses change by the second."""
    if isinstance(value, dict):
        return {key: without_links(item) for key, item in value.items() if key not in {"url", "duration", "mtime"}}
    return [without_links(item) for item in value] if isinstance(value, list) else value


def test_without_a_token_nothing_is_answered(routes, adas, nobody, ada):
    before = snapshot(ada, adas)
    for method, path in routes:
        answer = nobody.request(method, filled(path, adas), json={} if method in {"post", "put", "patch"} else None)
        assert SECRET not in answer.text, path
        if (method, path) not in OPEN:
            assert answer.status_code == 401, (method, path, answer.text)
        elif path != "/health":
            assert answer.status_code in {400, 403}, (method, path, answer.text)
    assert snapshot(ada, adas) == before


def test_another_user_sees_and_changes_nothing(routes, adas, bob, ada):
    before = snapshot(ada, adas)
    mine = bob.post("/api/v0/projects/", json={"name": "bobs"}).json()["id"]
    for project in (adas["project_id"], mine):
        body = asked(adas, project)
        for method, path in sorted(routes):
            if (method, path) == ("delete", "/api/v0/projects/{project_id}/") and project == mine:
                continue
            where = filled(path, adas)
            more = {} if method in {"get", "head"} else {"json": body}
            for query in ({}, body_as_query(adas, project)):
                answer = bob.request(method, where, params=query, **more)
                assert SECRET not in answer.text, (method, path, query, answer.text)
                assert answer.status_code < 500, (method, path, answer.text)
                if "{" in path and "store_id" not in path:
                    assert answer.status_code in {400, 403, 404, 411}, (method, path, answer.text)
    assert snapshot(ada, adas) == before
    assert bob.get("/api/v0/executions/").json()["count"] == 0


def asked(ids: dict[str, str], project: str) -> dict[str, Any]:
    """A body with all of Ada's ids, for whatever reads one of them."""
    datum = ids["datum_id"]
    template = {"commit": ids["identifier"], "step": "x", "name": "a", "inputs": {"a": [f"datum://{datum}"]}}
    return {
        "project": project,
        "commit": ids["identifier"],
        "step": "x",
        "name": "bob",
        "value": "bob",
        "title": "bob",
        "type": "grid_search",
        "tags": ["bob"],
        "datum": datum,
        "deployment": ids["deployment_id"],
        "dataset": ids["dataset_id"],
        "model": ids["model_id"],
        "files": [{"datum": datum}],
        "ids": [ids["executions/reference"]],
        "inputs": {"data": [f"datum://{datum}"]},
        "nodes": [{"name": "a", "type": "execution", "template": template}, mimic(ids)],
        "edges": [],
        "parameters": {},
        "endpoint_configurations": {},
        "url": f"datum://{datum}",
        "enabled": True,
        "status": "approved",
    }


def mimic(ids: dict[str, str]) -> dict[str, str]:
    """A node of Ada's pipeline, reused."""
    return {"type": "mimic", "name": "b", "source": f"{ids['pipelines/reference']}:a"}


def body_as_query(ids: dict[str, str], project: str) -> dict[str, str]:
    """Filters with Ada's ids, for whatever list takes one of them."""
    return {
        "project": project,
        "output_execution": ids["executions/reference"],
        "execution": ids["executions/reference"],
        "task": ids["tasks/reference"],
        "pipeline": ids["pipelines/reference"],
        "model": ids["model_id"],
        "dataset": ids["dataset_id"],
        "deployment": ids["deployment_id"],
        "name": "x",
        "ids": ids["executions/reference"],
        "include": "config",
    }
