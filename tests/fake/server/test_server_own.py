"""A second user cannot have the data of the first one's project."""

from __future__ import annotations

import pytest
from requests import Response
from waiting import until

from localhai.testing import Canned
from tests.fake.server.conftest import Asker, Demo

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
    inputs:
      - {name: data, optional: true}
- step:
    name: by-default
    image: python:3.11-slim
    command: python train.py
    inputs:
      - {name: data, default: "datum://DATUM"}
- endpoint:
    name: greet
    image: python:3.11-slim
    server-command: python serve.py
    files:
      - {name: model, path: model.txt}
"""


@pytest.fixture
def datum(demo, engine, state):
    """Of Ada's."""
    engine.behave(Canned(files={"a.txt": b"a"}))
    queued = demo.queued()
    state.queue.start()
    return demo.ended(queued["id"])["outputs"][0]["id"]


def project_of(asker: Asker, datum: str) -> Demo:
    made = Demo(asker, asker.post("/api/v0/projects/", data={"name": "second"}).json()["id"], "")
    made.commit = made.upload_files({"valohai.yaml": YAML.replace("DATUM", datum)}).json()["identifier"]
    return made


def asks(project: Demo, datum: str) -> dict[str, Response]:
    inputs = {"data": [f"datum://{datum}"]}
    template = {"commit": project.commit, "step": "train", "name": "a", "inputs": inputs}
    by_default = {**template, "step": "by-default", "inputs": {}}
    deployment = project.asker.get(f"/api/v0/deployments/?project={project.id}").json()["results"][0]["id"]
    bodies = {
        "executions": [{"step": "train", "inputs": inputs}, {"step": "by-default"}],
        "tasks": [{"step": "train", "inputs": inputs}, {"step": "by-default"}],
        "pipelines": [{"nodes": [{"name": "a", "template": item}]} for item in (template, by_default)],
        "deployment-versions": [
            {
                "deployment": deployment,
                "enabled": False,
                "endpoint_configurations": {"greet": {"enabled": True, "files": {"model": datum}}},
            }
        ],
    }
    return {
        f"{noun} {number}": project.asker.post(
            f"/api/v0/{noun}/", json={"project": project.id, "commit": project.commit, **body}
        )
        for noun, items in bodies.items()
        for number, body in enumerate(items)
    }


def test_data_of_another_are_no_inputs(bob, datum):
    for what, answer in asks(project_of(bob, datum), datum).items():
        assert answer.status_code == 400, what
        assert "does not exist" in answer.text, what


def test_data_of_another_project_of_ones_own_are(ada, datum):
    project = project_of(ada, datum)
    for what, answer in asks(project, datum).items():
        assert answer.status_code == 201, f"{what}: {answer.text}"
    left = f"/api/v0/executions/?project={project.id}&status=incomplete"
    until(lambda: not ada.get(left).json()["count"])
