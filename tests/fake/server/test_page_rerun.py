"""An execution again from the page: with its own code, and the values that were changed."""

from __future__ import annotations

import shutil

import pytest

from localhai.app.open_project import open_project
from tests.fake.server.conftest import YAML

SCRIPT = "- step:\n    name: old\n    image: python:3.11-slim\n    command: python old.py\n"


@pytest.fixture
def ran_here(state, tmp_path):
    """One that `localhai run` ran in a folder of Ada's, whose files have changed since."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    (folder / "train.py").write_text("print(1)")
    row = open_project(folder, home=state.home).run("train", parameters={"epochs": 5}).record
    (folder / "valohai.yaml").write_text(SCRIPT)
    return row


def again(page, row, **body):
    return page.post(f"/page/executions/{row['id'] if isinstance(row, dict) else row.id}/rerun/", json=body)


def test_one_parameter_is_changed_and_the_rest_stays(page, demo, state):
    first = demo.queued(parameters={"epochs": 7}, title="first", tags=["a"])
    answer = again(page, first, parameters={"epochs": 8}, title="again")
    assert answer.status_code == 201
    assert answer.json()["counter"] == 2
    found = page.get(f"/page/executions/{answer.json()['id']}/").json()
    assert (found["status"], found["parameters"], found["title"], found["tags"]) == (
        "queued",
        {"epochs": 8},
        "again",
        ["a"],
    )
    assert found["creator"] == "ada"
    state.queue.start()
    assert demo.ended(answer.json()["id"])["status"] == "complete"


def test_what_a_terminal_ran_runs_here_with_the_code_of_then(page, ada, ran_here, state):
    answer = again(page, ran_here, parameters={"epochs": "6"})
    assert answer.status_code == 201, answer.text
    state.queue.start()
    found = ada.ended("executions", answer.json()["id"])
    assert found["status"] == "complete"
    assert found["parameters"] == {"epochs": 6}
    assert found["commit"]["identifier"] == ran_here.commit


def test_code_that_is_gone_is_said_in_words(page, ran_here, state):
    shutil.rmtree(state.home.code_cache)
    answer = again(page, ran_here)
    assert (answer.status_code, answer.json()) == (
        409,
        {
            "message": "The code that execution #1 ran with is not here any more.",
            "hints": ["localhai rerun 1 --current runs the files of your folder as they are now"],
        },
    )


def test_the_code_of_another_project_is_none_of_ones_own(bob, ran_here):
    project = bob.post("/api/v0/projects/", data={"name": "his"}).json()["id"]
    body = {"project": project, "commit": ran_here.commit, "step": "train"}
    assert bob.post("/api/v0/executions/", json=body).status_code == 400
    assert bob.post(f"/page/executions/{ran_here.id}/rerun/", json={}).status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"parameters": {"nonsense": 1}}, "nonsense"),
        ({"parameters": {"epochs": "many"}}, "epochs"),
        ({"parameters": [1]}, "parameters: "),
        ({"tags": "x"}, "tags: "),
        ({"title": "x" * 300}, "title: "),
    ],
)
def test_what_the_step_does_not_take_is_refused_in_words(page, demo, body, words):
    answer = again(page, demo.queued(), **body)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_files_of_this_machine_are_refused_with_the_way_to_do_it(page, state, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    (folder / "data.csv").write_text("a")
    row = open_project(folder, home=state.home).run("train", inputs={"data": str(folder / "data.csv")}).record
    answer = again(page, row)
    assert answer.status_code == 400
    assert "data.csv" in answer.json()["message"]
    assert answer.json()["hints"] == ["in a terminal: localhai rerun 1"]


def test_a_task_is_asked_to_stop(page, data, state):
    task = state.records.tasks.create(
        data.project.id, name="t", step="s", type="grid_search", commit=None, document={}, owner=None
    )
    assert page.post(f"/page/tasks/{task.id}/stop/").json() == {"status": "started"}
    assert state.records.tasks.stop_requested(task.id)
