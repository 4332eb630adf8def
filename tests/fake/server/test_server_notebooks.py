from __future__ import annotations

import re

import pytest
from waiting import until


@pytest.fixture
def body(demo):
    """What `vh notebook run` sends."""
    return {"environment": "PROJECT_DEFAULT", "project": demo.id, "image": "python:3.11-slim"}


def test_a_notebook_is_an_execution_with_an_open_port(ada, body, demo, engine, state):
    seen = []

    def serve(container):
        seen.append(container)
        while not container.stop_asked.wait(0.01):
            pass
        return 143

    engine.behave(serve, step="notebook")
    made = ada.post("/api/v0/notebook-executions/", json={**body, "environment_variables": {"MODE": "fast"}})
    assert made.status_code == 201
    display = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=([0-9a-f]{40})", made.json()["urls"]["display"])
    assert display
    state.queue.start()
    until(lambda: seen)
    assert "jupyter-lab --ip=0.0.0.0 --port=8888" in "\n".join(demo.get(made.json()["id"])["command"].splitlines())
    assert (seen[0].environment["MODE"], seen[0].environment["JUPYTER_TOKEN"]) == ("fast", display[2])
    assert seen[0].spec.ports == {8888: int(display[1])}
    shown = demo.get(f"{demo.id}:1")
    assert display[2] not in str(shown)
    assert ada.post(f"/api/v0/executions/{demo.id}:1/stop/").json() == {"message": "OK"}
    assert demo.ended(made.json()["id"])["status"] == "stopped"


def test_notebooks_are_listed_and_make_no_commit(ada, bob, body, demo):
    before = ada.get(f"/api/v0/commits/?project={demo.id}").json()["results"]
    for environment in ("PROJECT_DEFAULT", "aws-small"):
        assert ada.post("/api/v0/notebook-executions/", json={**body, "environment": environment}).ok
    rows = ada.get(f"/api/v0/notebook-executions/?project={demo.id}").json()
    assert [(row["counter"], row["environment"]["slug"]) for row in rows["results"]] == [(2, "aws-small"), (1, "local")]
    assert ada.get(f"/api/v0/commits/?project={demo.id}").json()["results"] == before
    assert bob.get("/api/v0/notebook-executions/").json()["results"] == []
    demo.queued(commit=None)
    assert demo.get(f"{demo.id}:latest")["step"] == "train"


@pytest.mark.parametrize(
    ("change", "name", "status"),
    [
        ({"image": ""}, "image", 400),
        ({"image": 1}, "image", 400),
        ({"project": None}, "project", 400),
        ({"project": "nothing"}, "detail", 404),
        ({"environment_variables": [1]}, "environment_variables", 400),
    ],
)
def test_what_is_wrong_with_a_notebook_is_said(ada, body, demo, change, name, status):
    answer = ada.post("/api/v0/notebook-executions/", json={**body, **change})
    assert (answer.status_code, list(answer.json())) == (status, [name])
    assert ada.get(f"/api/v0/executions/?project={demo.id}").json()["count"] == 0
