"""An older `vh`: what people have installed is not always the newest."""

from __future__ import annotations

import pytest
from environments import Environment
from vh_command import linked

pytestmark = pytest.mark.docker

VERSION = "0.30.1"
YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: echo "epochs {parameter-value:epochs}" | tee /valohai/outputs/model.txt
    parameters:
      - {name: epochs, type: integer, default: 2}
- pipeline:
    name: twice
    nodes:
      - {name: first, type: execution, step: train}
      - {name: second, type: execution, step: train}
    edges: []
"""


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    made = Environment(tmp_path_factory.mktemp("older") / "environment")
    made.pip("install", "--quiet", f"valohai-cli=={VERSION}")
    return made.folder / "bin" / "vh"


def test_an_older_release_works_too(older, tmp_path):
    with linked(older, tmp_path, {"valohai.yaml": YAML}, "--jobs", "2") as (vh, project):
        assert "#1 created" in vh("exec", "run", "--adhoc", "train", "--epochs=5")
        assert vh.until_ended(f"executions/{project}:1/") == "complete"
        assert "epochs 5" in vh("exec", "logs", "1", "--all")
        assert "complete" in vh("exec", "list")
        vh("exec", "outputs", "1", "--download", str(tmp_path / "got"))
        assert (tmp_path / "got" / "model.txt").read_text() == "epochs 5\n"
        assert "demo" in vh("project", "status")
        assert "=1 queued" in vh("pipeline", "run", "--adhoc", "twice")
        assert vh.until_ended(f"pipelines/{project}:1/") == "complete"
        assert "This machine" in vh("environments")
        assert "model.txt" in vh("data", "list")
