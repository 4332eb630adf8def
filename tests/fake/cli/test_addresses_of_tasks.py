"""What an address of data means is settled when a task is created (platform.md 4.1), not by each of its executions."""

import json

from localhai.testing import Canned

MOVING = {"model.txt": b"weights", "model.txt.metadata.json": json.dumps({"valohai.alias": "best"}).encode()}
VERSIONED = {"model.txt": b"weights", "model.txt.metadata.json": b'{"valohai.model-versions": ["model://m/"]}'}


def uris_of_executions(localhai, document):
    found = [localhai("execution", "info", row["id"], "--json").json["inputs"] for row in document["executions"]]
    return {file["uri"] for inputs in found for item in inputs for file in item["files"]}


def test_an_alias_that_moves_in_mid_task_does_not_move_for_its_executions(localhai, engine):
    engine.behave(Canned(files=MOVING), step="train")
    first = localhai("run", "train", "--json").json["outputs"][0]["id"]
    call = localhai("task", "run", "train", "--grid", "epochs=1,2,3", "--data=datum://best", "--json")
    assert uris_of_executions(localhai, call.json) == {f"datum://{first}"}
    last = localhai("execution", "info", "latest", "--json").json["outputs"][0]["id"]
    assert [item["datum"] for item in localhai("alias", "list", "--json").json] != [first]
    assert last != first


def test_a_newer_version_of_a_model_is_none_of_its_executions(localhai, engine):
    engine.behave(Canned(files=VERSIONED), step="train")
    localhai("run", "train")
    for address in ("model://m", "model://m/latest"):
        call = localhai("task", "run", "train", "--grid", "epochs=1,2", f"--data={address}", "--json")
        assert len(uris_of_executions(localhai, call.json)) == 1


def test_it_means_the_same_when_the_task_is_resumed(localhai, engine):
    engine.behave(Canned(files=MOVING), step="train")
    first = localhai("run", "train", "--json").json["outputs"][0]["id"]
    engine.behave(Canned(exit_code=1), step="train")
    assert localhai("task", "run", "train", "--grid", "epochs=1,2", "--data=datum://best").code == 1
    engine.behave(Canned(files=MOVING), step="train")
    localhai("run", "train")
    call = localhai("task", "resume", "1", "--failed", "--json")
    assert call.json["status"] == "complete"
    assert uris_of_executions(localhai, call.json) == {f"datum://{first}"}
