"""One execution on the page: its details, and what is done with it and with many."""

from __future__ import annotations

import json
import shutil

import pytest
from msgspec.structs import replace
from waiting import until

from localhai.records import Owner
from localhai.records.queue import QueueEntry


@pytest.fixture
def details(page, data):
    def ask(reference):
        answer = page.get(f"/page/executions/{reference}/?project={data.project.id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def test_details_are_the_json_shape_and_what_the_page_shows(details, data):
    row = data.execution(
        parameters={"lr": 0.1, "note": "it's"},
        metadata=[{"loss": 2}, {"loss": 1}],
        outputs={"picture.png": b"png", "m.bin": b"m"},
        tags=["a"],
        exit_code=0,
    )
    found = details(1)
    assert found["id"] == row.id
    assert found == details(row.id)
    assert [change["status"] for change in found["statuses"]] == ["created", "queued", "started", "complete"]
    assert all(change["at"].endswith("Z") for change in found["statuses"])
    assert found["metrics"]["loss"] == {"latest": 1, "min": 1, "max": 2, "count": 2}
    assert found["log"] == {"lines": 4, "bytes": found["log"]["bytes"], "complete": True}
    assert [(item["name"], item["kind"]) for item in found["outputs"]] == [("picture.png", "image"), ("m.bin", "other")]
    assert (found["hints"], found["last_lines"], found["truncated"], found["files"]) == ([], [], [], None)
    assert found["links"]["display"] == f"/p/{data.project.id}/execution/{row.id}/"
    assert found["commands"] == {
        "localhai": "localhai run train --lr=0.1 '--note=it'\"'\"'s'",
        "vh": "vh execution run --adhoc train --lr=0.1 '--note=it'\"'\"'s'",
        "shell": "localhai shell 1",
        "rerun": "localhai rerun 1",
    }


def test_of_the_code_that_ran_it_tells_defaults_and_the_command_as_written(page, demo):
    queued = demo.queued(parameters={"epochs": 7})
    found = page.get(f"/page/executions/{queued['id']}/").json()
    assert found["parameter_defaults"] == {"epochs": 2}
    assert found["command_before"] == ["python train.py {parameters}"]
    assert found["command"] == ["python train.py --epochs=7"]
    assert found["commands"]["localhai"] == "localhai run train --epochs=7"
    again = demo.queued()
    assert page.get(f"/page/executions/{again['id']}/").json()["commands"]["localhai"] == "localhai run train"


def test_without_that_code_they_are_not_known(details, data):
    data.execution(parameters={"lr": 1})
    assert (details(1)["parameter_defaults"], details(1)["command_before"]) == (None, None)


def test_one_that_waits_says_its_place_and_why(page, demo, state):
    first, second = demo.queued(), demo.queued()
    assert page.get(f"/page/executions/{first['id']}/").json()["queue"] == {
        "place": 1,
        "why": "0 of at most 1 run at once (--jobs); it is the next",
    }
    found = page.get(f"/page/executions/{second['id']}/").json()["queue"]
    assert found == {"place": 2, "why": "0 of at most 1 run at once (--jobs); 1 wait before it"}
    waiting = state.records.queue.entry(second["id"])
    state.records.queue.dequeue(second["id"])
    state.records.queue.enqueue(replace(waiting, priority=9))
    assert page.get(f"/page/executions/{second['id']}/").json()["queue"]["place"] == 1


def test_a_failure_shows_hint_and_last_lines(details, data):
    data.failed()
    found = details(1)
    assert found["error"] == "the command ended with exit code 1"
    assert found["hints"] == ["torch is not in the image: add `pip install torch` to the command"]
    assert found["last_lines"][0]["text"] == "loading"
    assert len(found["last_lines"]) == 7


def test_a_task_and_a_pipeline_are_named(details, data, state):
    data.sweep(rates=(0.1,))
    assert details(1)["task"] == {"id": details(1)["task"]["id"], "counter": 1, "name": "learning rate"}
    pipeline = state.records.pipelines.create(
        data.project.id, name="nightly", nodes=[("train", "execution")], commit=None, document={}, owner=None
    )
    row = data.execution()
    state.records.pipelines.change_node(pipeline.id, "train", status="started", execution_id=row.id)
    assert details(2)["pipeline"] == {"id": pipeline.id, "counter": 1, "name": "nightly", "node": "train"}


def test_metadata_of_one_that_runs_elsewhere_is_as_new_as_its_last_line(details, data):
    row = data.execution("started", metadata=[{"loss": 5}])
    data.say(row, [("stdout", "more")], [{"loss": 4}])
    found = details(1)
    assert found["metadata"] == {"loss": 4}
    assert found["metrics"]["loss"]["max"] == 5
    assert found["log"]["complete"] is False


def test_very_long_values_are_cut_and_named(details, data):
    data.execution(parameters={"note": "x" * 5_000_000}, metadata=[{"deep": {"a": ["y" * 20_000]}}], title="t" * 20_000)
    found = details(1)
    assert found["parameters"]["note"] == "x" * 10_000 + "…"
    assert len(json.dumps(found)) < 150_000
    assert {"parameters.note", "metadata.deep.a.0", "title"} <= set(found["truncated"])
    assert found["commands"]["localhai"] == "localhai run train"


def test_of_very_many_keys_the_first_are_there_and_all_are_counted(details, data):
    data.execution(metadata=[{f"key {n}": n for n in range(12_000)}])
    found = details(1)
    assert (len(found["metadata"]), found["metadata_count"], len(found["metrics"])) == (1000, 12_000, 1000)


def test_a_secret_is_in_no_command(details, data):
    data.execution(parameters={"token": "a***b", "lr": 1})
    assert details(1)["commands"]["localhai"] == "localhai run train --lr=1"


def test_a_folder_that_was_removed_by_hand_is_said(details, data, page, state):
    row = data.execution(metadata=[{"loss": 2}, {"loss": 1}])
    shutil.rmtree(state.home.folder / row.folder)
    found = details(1)
    assert found["files"].startswith("the folder of execution #1 is not on this machine")
    assert found["metadata"] == {"loss": 1}
    assert found["log"]["lines"] == 0
    for path in ("", "search/?q=x", "text/"):
        answer = page.get(f"/page/log/{row.id}/{path}")
        assert answer.status_code == 410
        assert answer.json()["message"] == "the folder of execution #1 is not on this machine"


def test_a_record_of_an_earlier_version_is_shown(details, data, state):
    row = data.execution()
    state.records.access.write(
        lambda transaction, _again: transaction.change(
            "UPDATE executions SET document = '{}' WHERE id = :id", {"id": row.id}
        )
    )
    found = details(1)
    assert (found["parameters"], found["command"], found["creator"]) == ({}, None, None)


@pytest.mark.parametrize("summary", [b"", b"{", b"[1]", b'{"keys": 7}', b"\xff"])
def test_a_spoiled_summary_leaves_what_is_on_record(details, data, state, summary):
    row = data.execution(metadata=[{"loss": 1}])
    (state.home.folder / row.folder / "metadata.summary.json").write_bytes(summary)
    assert details(1)["metadata"] == {"loss": 1}


@pytest.mark.parametrize("reference", ["99", "nonsense", "0", "-1", "1.5", "9" * 40, "x" * 5000, "%00", "1:1"])
def test_what_is_no_execution_is_said_in_words(page, data, reference):
    data.execution()
    answer = page.get(f"/page/executions/{reference}/?project={data.project.id}")
    assert answer.status_code == 404
    assert answer.json()["message"].startswith("There is no execution ")
    assert len(answer.text) < 500


def test_a_number_without_its_project_is_nobodys(page, data):
    data.execution()
    assert page.get("/page/executions/1/").status_code == 404


def test_tags_are_set_as_they_are_given(page, data):
    row = data.execution(tags=["old"])
    answer = page.post(f"/page/executions/{row.id}/tags/", json={"tags": ["new", "b", "new"]})
    assert answer.json() == {"tags": ["new", "b"]}
    assert page.post(f"/page/executions/{row.id}/tags/", json={"tags": []}).json() == {"tags": []}


def test_one_that_waits_is_stopped(page, demo):
    queued = demo.queued()
    assert page.post(f"/page/executions/{queued['id']}/stop/").json() == {"status": "stopped"}
    assert page.post(f"/page/executions/{queued['id']}/stop/").json() == {"status": "stopped"}


def test_one_that_another_process_runs_is_asked_to_stop(page, data, state):
    row = data.execution("started")
    assert page.post(f"/page/executions/{row.id}/stop/").status_code == 200
    assert state.records.executions.stop_requested(row.id)


def test_one_that_runs_is_not_deleted(page, data):
    row = data.execution("started")
    answer = page.post(f"/page/executions/{row.id}/delete/", json={})
    assert answer.status_code == 409
    assert answer.json() == {"message": "Execution #1 is started.", "hints": ["stop it first, then delete it"]}


@pytest.mark.parametrize("outputs", [False, True])
def test_outputs_stay_unless_they_are_to_go_too(page, data, outputs):
    row = data.execution(outputs={"a.txt": b"kept"})
    datum = data.home.records.data.list(execution_id=row.id)[0]
    assert page.post(f"/page/executions/{row.id}/delete/", json={"outputs": outputs}).status_code == 204
    assert page.get(f"/page/executions/{row.id}/").status_code == 404
    assert page.get(f"/page/outputs/{datum.id}/").status_code == (410 if outputs else 200)


def test_many_are_done_and_refused_each(page, data, state):
    done, runs = data.execution(tags=["a", "b"]), data.execution("started")
    ids = [done.id, runs.id, "nonsense"]
    tagged = page.post("/page/executions/tags/", json={"ids": ids, "add": ["c"], "remove": ["a"]}).json()
    assert tagged["done"] == [done.id, runs.id]
    assert list(state.records.executions.get(done.id).tags) == ["b", "c"]
    deleted = page.post("/page/executions/delete/", json={"ids": ids}).json()
    assert deleted["done"] == [done.id]
    assert [item["message"] for item in deleted["refused"]] == [
        "Execution #2 is started.",
        "There is no execution nonsense here: it was deleted, or never was.",
    ]
    assert page.post("/page/executions/stop/", json={"ids": ids}).json()["done"] == [runs.id]


@pytest.mark.parametrize("ids", [None, [], "x", [1], [""], ["x"] * 1001, [{"a": 1}], ["x" * 300]])
@pytest.mark.parametrize("action", ["stop", "delete", "tags"])
def test_what_is_no_list_of_ids_is_refused_in_words(page, action, ids):
    answer = page.post(f"/page/executions/{action}/", json={"ids": ids})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("ids: A list of ")


def test_one_that_runs_here_is_followed_to_its_end(page, demo, state):
    state.queue.start()
    queued = demo.queued()

    def ended():
        found = page.get(f"/page/executions/{queued['id']}/").json()
        return found if found["status"] == "complete" else None

    found = until(ended)
    assert found["log"]["complete"]
    assert found["duration"] is not None


def test_a_queue_entry_that_somebody_took_waits_no_more(page, data, state):
    row = data.execution("queued", owner=Owner("elsewhere", 1, "1", "boot"))
    user = state.records.users.named("ada").id
    state.records.queue.enqueue(QueueEntry(row.id, data.project.id, user, 0, {}))
    assert page.get(f"/page/executions/{row.id}/").json()["queue"] is None


FORM = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    description: Trains the model
    category: Training
    icon: https://example.com/icon.png
    parameters:
      - name: epochs
        type: integer
        default: 2
        min: 1
        max: 10
        description: How often
        category: Loop
      - name: optimizer
        type: string
        optional: true
        choices: [adam, sgd]
        widget:
          type: dropdown
          settings: {a: 1}
      - name: layers
        type: integer
        multiple: repeat
        default: [1, 2]
    inputs:
      - name: data
        default: https://example.com/a.csv
        description: What to learn from
      - name: more
        optional: true
"""


def test_it_tells_what_valohai_yaml_says_of_the_step(page, demo):
    demo.commit = demo.upload_files({"valohai.yaml": FORM}).json()["identifier"]
    form = page.get(f"/page/executions/{demo.queued()['id']}/").json()["form"]
    assert (form["description"], form["category"]) == ("Trains the model", "Training")
    assert form["icon"] == "https://example.com/icon.png"
    epochs, optimizer, layers = form["parameters"]
    assert epochs == {
        "name": "epochs", "type": "integer", "description": "How often", "category": "Loop", "default": 2,
        "optional": False, "choices": None, "min": 1, "max": 10, "multiple": False, "widget": None,
    }  # fmt: skip
    assert (optimizer["choices"], optimizer["optional"]) == (["adam", "sgd"], True)
    assert optimizer["widget"] == {"type": "dropdown", "settings": {"a": 1}}
    assert (layers["multiple"], layers["default"]) == (True, [1, 2])
    assert form["inputs"] == [
        {
            "name": "data",
            "description": "What to learn from",
            "default": ["https://example.com/a.csv"],
            "optional": False,
        },
        {"name": "more", "description": None, "default": [], "optional": True},
    ]
