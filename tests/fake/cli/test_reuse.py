"""`localhai run --reuse`: an earlier execution takes the place of one that equals it; why, or why not, is said."""

from __future__ import annotations

import json
import os

import pytest

from localhai.testing import Canned


def count(localhai):
    return len(localhai("execution", "list", "--json").json)


def test_a_hit_is_the_earlier_execution_and_nothing_is_recorded(localhai):
    first = localhai("run", "train", "--json").json
    again = localhai("run", "train", "--reuse", "--json")
    assert (again.code, again.json["id"], again.json["outputs"]) == (0, first["id"], first["outputs"])
    assert first["reuse"] is None
    assert again.json["reuse"]["hit"] is True
    assert "reused: execution #1 is complete and equals it" in again.err
    assert count(localhai) == 1


def test_without_asking_nothing_is_reused(localhai):
    localhai("run", "train")
    assert localhai("run", "train", "--json").json["counter"] == 2


def test_the_first_one_says_that_there_is_none(localhai):
    answer = localhai("run", "train", "--reuse", "--json")
    assert "not reused: no earlier execution of step train is complete" in answer.err
    assert answer.json["reuse"]["hit"] is False


def test_a_touched_file_is_no_difference(localhai, project):
    localhai("run", "train")
    os.utime(project / "train.py", (1, 1))
    assert localhai("run", "train", "--reuse", "--json").json["counter"] == 1


def test_code_that_differs_is_named(localhai, project):
    localhai("run", "train")
    (project / "train.py").write_text("print('more')\n")
    (project / "new.py").write_text("")
    answer = localhai("run", "train", "--reuse", "--json")
    assert answer.json["reuse"]["reasons"] == ["code: train.py changed, new.py added"]
    assert "the nearest earlier execution is #1, which differs" in answer.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--epochs=4"], "parameter epochs: 3 -> 4"),
        (["--title=x", "--quiet"], "parameter quiet: is new, true"),
        (["--time-limit=5"], "step definition: time-limit is new"),
        (["--image=python:3.12"], "image: python:3.11-slim -> python:3.12"),
        (["--var", "TOKEN=hidden"], "environment variable TOKEN: is new"),
    ],
)
def test_what_differs_is_named(localhai, words, reason):
    localhai("run", "train")
    answer = localhai("run", "train", "--reuse", "--json", *words)
    found = answer.json["reuse"]["reasons"]
    assert reason in found
    assert answer.json["counter"] == 2
    assert "hidden" not in answer.err


def test_inputs_count_by_content(localhai, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("1")
    localhai("run", "train", f"--data={data}")
    os.utime(data, (1, 1))
    assert localhai("run", "train", f"--data={data}", "--reuse", "--json").json["counter"] == 1
    data.write_text("2")
    answer = localhai("run", "train", f"--data={data}", "--reuse", "--json")
    assert answer.json["reuse"]["reasons"] == ["input data: data.csv changed"]


def test_a_spoiled_output_is_no_hit(localhai):
    first = localhai("run", "train", "--json").json
    path = next(item["path"] for item in first["outputs"] if item["name"] == "model.txt")
    os.chmod(path, 0o644)
    with open(path, "w") as file:
        file.write("WEIGHTS")
    answer = localhai("run", "train", "--reuse", "--json")
    reason = "execution #1 equals it, but its output model.txt is no longer what it was: its checksum is another"
    assert answer.json["reuse"]["reasons"] == [reason]


def test_a_touched_output_still_counts(localhai):
    first = localhai("run", "train", "--json").json
    os.utime(first["outputs"][0]["path"], (1, 1))
    assert localhai("run", "train", "--reuse", "--json").json["counter"] == 1


def test_fail_on_cache_miss_runs_nothing(localhai):
    localhai("run", "train")
    assert localhai("run", "train", "--fail-on-cache-miss").code == 0
    answer = localhai("run", "train", "--epochs=9", "--fail-on-cache-miss", "--json")
    assert (answer.code, answer.json["error"]["kind"]) == (5, "NotReused")
    assert answer.json["error"]["hints"] == ["parameter epochs: 3 -> 9"]
    assert count(localhai) == 1


def test_secrets_are_kept_as_digests_only(localhai, tmp_path):
    file = tmp_path / "secrets"
    file.write_text("TOKEN=swordfish\n")
    localhai("run", "train", f"--env-file={file}")
    assert localhai("run", "train", f"--env-file={file}", "--reuse", "--json").json["counter"] == 1
    file.write_text("TOKEN=angelfish\n")
    answer = localhai("run", "train", f"--env-file={file}", "--reuse", "--json")
    assert answer.json["reuse"]["reasons"] == ["environment variable TOKEN: is another value"]
    stored = b"".join(path.read_bytes() for path in localhai.home.folder.glob("localhai.db*"))
    assert b"swordfish" not in stored
    assert (localhai.home.folder / "reuse.key").stat().st_mode & 0o077 == 0


SWEEP = """\
- task:
    name: rates
    step: train
    type: grid_search
    reuse-children: true
    parameters:
      - {name: epochs, style: multiple, rules: {items: [3, 4]}}
- pipeline:
    name: twice
    reuse-executions: true
    nodes:
      - {name: first, type: execution, step: train}
      - {name: then, type: execution, step: evaluate}
    edges:
      - [first.output.model.txt, then.input.model]
- pipeline:
    name: swept
    reuse-executions: true
    nodes:
      - {name: sweep, type: task, task: rates}
    edges: []
"""


@pytest.fixture
def swept(localhai, project):
    with (project / "valohai.yaml").open("a") as file:
        file.write(SWEEP)
    return localhai


def test_children_of_a_task_are_reused_where_it_says_so(swept):
    swept("run", "train")
    answer = swept("task", "run", "rates", "--json")
    assert answer.code == 0, answer.err
    assert "complete (" in answer.err
    assert " reused" in answer.err
    assert "not reused (nearest is #1): parameter epochs: 3 -> 4" in answer.err
    assert sorted(row["counter"] for row in answer.json["executions"]) == [1, 2]
    again = swept("task", "run", "rates", "--json")
    assert sorted(row["counter"] for row in again.json["executions"]) == [1, 2]
    assert count(swept) == 2


def test_a_task_that_may_only_reuse_exits_with_5(swept):
    swept("run", "train")
    answer = swept("task", "run", "train", "--grid", "epochs=3,9", "--fail-on-cache-miss")
    assert answer.code == 5, answer.err
    assert count(swept) == 1


def test_nodes_of_a_pipeline_are_reused_where_it_says_so(swept):
    first = swept("pipeline", "run", "twice", "--json")
    assert first.code == 0, first.err
    again = swept("pipeline", "run", "twice", "--json")
    assert [node["execution"]["counter"] for node in again.json["nodes"]] == [1, 2]
    assert again.json["status"] == "complete"
    assert "reused: execution #2" in again.err
    assert count(swept) == 2


def test_a_task_node_says_why_its_executions_are_reused_or_not(swept):
    swept("run", "train")
    answer = swept("pipeline", "run", "swept", "--json")
    assert answer.code == 0, answer.err
    assert "node sweep: execution #1 of task: reused: #1" in answer.err
    assert "node sweep: execution #2 of task: not reused (nearest is #1): parameter epochs: 3 -> 4" in answer.err
    assert count(swept) == 2


def test_a_task_that_goes_on_reuses_if_it_did_before(swept):
    swept("task", "run", "train", "--grid", "epochs=3,4", "--reuse")
    swept("execution", "delete", "2", "--yes")
    swept("run", "train", "--epochs=4")
    again = swept("task", "resume", "1", "--json")
    assert again.code == 0, again.err
    assert sorted(row["counter"] for row in again.json["executions"]) == [1, 3]
    assert count(swept) == 2


def test_data_of_one_content_about_which_other_things_are_said_are_not_equal(localhai):
    data = []
    for properties in ({"k": 1}, {"k": 1}, {"k": 2}):
        sidecar = json.dumps(properties).encode()
        files = {"model.txt": b"weights", "model.txt.metadata.json": sidecar}
        localhai.engine.behave(Canned(files=files), step="train")
        data.append(localhai("run", "train", "--json").json["outputs"][0]["id"])
    first, same, other = (f"--model=datum://{datum}" for datum in data)
    localhai("run", "evaluate", first)

    assert localhai("run", "evaluate", "--reuse", same, "--json").json["reuse"]["hit"] is True
    answer = localhai("run", "evaluate", "--reuse", other, "--json")
    assert answer.json["reuse"]["hit"] is False
    assert "input model: what is said of its files is other" in answer.err
