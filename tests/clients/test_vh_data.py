"""What `vh` shows of data, aliases, models, environments and executions, from `localhai serve` and a real engine."""

from __future__ import annotations

import json
import subprocess

import pytest
from vh_command import interrupted, linked

pytestmark = pytest.mark.docker

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters:
      - {name: epochs, type: integer, default: 2}
    inputs:
      - {name: data, optional: true}
"""
TRAIN = """\
import json, sys
print("hello")
epochs = int(sys.argv[1].split("=")[1])
print(json.dumps({"epoch": epochs, "loss": 1 / epochs}))
with open("/valohai/outputs/model.txt", "w") as file:
    file.write("weights" * epochs)
sidecar = {
    "valohai.alias": "newest",
    "valohai.tags": ["best"],
    "valohai.model-versions": [
        {"model_uri": "model://classifier/", "model_version_tags": ["good"], "model_release_note": "Better now."}
    ],
}
with open("/valohai/outputs/model.txt.metadata.json", "w") as file:
    json.dump(sidecar, file)
"""


@pytest.fixture(scope="module")
def demo(vh_program, tmp_path_factory):
    """Two executions of `train` have ended."""
    files = {"valohai.yaml": YAML, "train.py": TRAIN}
    with linked(vh_program, tmp_path_factory.mktemp("data"), files, "--jobs", "1") as (vh, project):
        assert "No data" in vh("data", "list")
        assert "No data aliases" in vh("alias", "list")
        assert "No models found" in vh("model", "list")
        vh("exec", "run", "--adhoc", "train")
        vh("exec", "run", "--adhoc", "train", "--epochs=4")
        assert [vh.until_ended(f"executions/{project}:{number}/") for number in (1, 2)] == ["complete"] * 2
        yield vh, project


def test_data_and_aliases(demo):
    vh, project = demo
    newest, oldest = vh.json("data", "list")
    assert [(row["name"], row["size"]) for row in (newest, oldest)] == [("model.txt", 28), ("model.txt", 14)]
    shown = vh("data", "list")
    assert all(word in shown for word in ("model.txt", "28.0 B", "#2", f"datum://{newest['id']}"))
    assert [row["id"] for row in vh.json("data", "list", "--limit", "1")] == [newest["id"]]
    (alias,) = vh.json("alias", "list")
    assert (alias["name"], alias["datum"]["id"]) == ("newest", newest["id"])
    assert "datum://newest" in vh("alias", "list")
    body = {"project": project, "name": "brought.bin"}
    upload = vh.api("data/create-upload/", "POST", json=body)
    vh.api(upload["url"].split("/api/v0/")[1], "PUT", data=b"brought")
    vh.api(upload["complete_url"].split("/api/v0/")[1], "POST")
    assert "Not from exec" in vh("data", "list", "--count", "1")


def test_models_and_their_versions(demo):
    vh, _project = demo
    listed = vh("model", "list")
    assert all(word in listed for word in ("classifier", "2", "good"))
    (row,) = vh.json("model", "list", "--name", "CLASS", "--tag", "good")
    assert vh("model", "list", "--quiet").strip().endswith(f"classifier\t{row['id']}")
    assert "No models found" in vh("model", "list", "--tag", "bad")
    info = vh("model", "info", "class")
    assert all(word in info for word in ("classifier", "demo", "pending", "#2 train", "good"))
    assert vh.json("model", "info", row["id"])["id"] == row["id"]
    described = vh("model", "describe", "classifier")
    assert "# Model: classifier" in described
    assert "| 2 | pending | #2 train | good |" in described
    first, second = sorted(vh.json("model", "versions", "classifier"), key=lambda item: item["counter"])
    assert (first["counter"], second["counter"]) == (1, 2)
    vh.api(f"model-versions/{second['id']}/", "PATCH", json={"status": "approved"})
    assert [item["counter"] for item in vh.json("model", "versions", "classifier", "--status", "approved")] == [2]
    assert "No matching versions" in vh("model", "versions", "classifier", "--status", "rejected")
    version = vh("model", "version", "classifier", "2")
    assert all(word in version for word in ("approved", "Source Executions:", "train", "Source Data:", "model.txt"))
    by_id = vh("model", "version", "--describe", "classifier", first["id"])
    assert all(word in by_id for word in ("# Model Version: classifier #1", "Better now.", "`good`"))
    assert "is not a known model" in vh("model", "info", "nothing", code=2)
    assert "No version #9 found" in vh("model", "version", "classifier", "9", code=1)
    assert "not a valid version counter" in vh("model", "version", "classifier", "last", code=1)


def test_environments_of_all_kinds(demo):
    vh, _project = demo
    shown = vh("environments", "--gpu", "--price", "--queue")
    assert all(word in shown for word in ("This machine", "local", "0.00", "unlimited", "Jobs in Queue"))


def test_executions_are_summarized_listed_and_shown(demo):
    vh, _project = demo
    said = vh("--table-format", "json", "exec", "summarize", "1-2")
    rows = json.loads(said[said.index("[") :])
    assert [(row["counter"], row["epoch"], row["loss"]) for row in rows] == [(1, 2, 0.5), (2, 4, 0.25)]
    listed = vh("exec", "list", "--status", "complete", "--count", "1")
    assert "0:00:0" in listed
    assert " train " in listed
    assert "No executions" in vh("exec", "list", "--status", "stopped")
    assert [row["counter"] for row in vh.json("exec", "list", "--owned")] == [2, 1]
    info = vh("exec", "info", "#2")
    assert all(word in info for word in ("demo", "This machine", "epochs", "complete"))
    assert "hello" in vh("exec", "logs", "latest")
    assert "Execution #99 does not exist" in vh("exec", "logs", "99", code=1)
    assert "Execution #99 does not exist" in vh("exec", "outputs", "99", code=1)
    assert "is complete already" in vh("exec", "stop", "1")
    assert "Project demo" in vh("project", "status")


def test_watching_an_execution_that_has_ended(demo):
    vh, _project = demo
    words = [vh.program, "exec", "watch", "2"]
    watching = subprocess.Popen(
        words, cwd=vh.folder, env=vh.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    shown = interrupted(watching, "hello")
    assert watching.returncode == 0, shown


def test_mistakes_are_said_in_words(demo):
    vh, project = demo
    assert '"nothing" is not a known step' in vh("exec", "run", "--adhoc", "nothing", code=2)
    assert "not a valid integer" in vh("exec", "run", "--adhoc", "train", "--epochs=many", code=2)
    assert "No such option" in vh("exec", "run", "--adhoc", "train", "--nothing=1", code=2)
    assert "already" in vh("project", "create", "-n", "demo", code=1)
    no_such = "00000000-0000-0000-0000-000000000000"
    assert "No project was found with the ID" in vh("--project", no_such, "exec", "list", code=1)
    assert "demo" in vh("--project", project, "project", "status")
    assert "Nothing was deleted" in vh("exec", "delete", "99", code=1)
    vh("exec", "run", "--adhoc", "train", "--data=datum://nothing")
    assert vh.until_ended(f"executions/{project}:latest/") == "error"
    assert "no datum of that id or alias" in vh("exec", "logs", "latest")
    deleted = vh("exec", "delete", "--purge-outputs", "3")
    assert "Deleted 1 executions." in deleted
