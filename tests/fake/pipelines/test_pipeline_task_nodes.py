"""Task nodes over the fake engine: half-done tasks that are gone on with, and what their edges carry."""

import json

import pytest

COUNT = {
    "name": "count",
    "command": "count {parameter-value:n}",
    "parameters": [{"name": "n", "type": "integer", "default": 0}, {"name": "m", "type": "integer", "default": 0}],
    "inputs": [{"name": "files", "optional": True}],
}
MAKE = {"name": "make"}
SWEEP = {
    "name": "sweep",
    "step": "count",
    "parameters": [{"name": "n", "style": "multiple", "rules": {"items": [1, 2, 3]}}],
}
NODES = [{"name": "make", "step": "make"}, {"name": "sweep", "task": "sweep"}]
EDGES = [["make.output.*", "sweep.input.files"]]


class Counting:
    """Fails for the numbers in `bad`; remembers which ran, and writes one file each."""

    def __init__(self):
        self.bad = set()
        self.ran = []

    def __call__(self, container):
        n = container.parameters.get("n", "made")
        self.ran.append(n)
        container.path("/valohai/outputs").joinpath(f"{n}.txt").write_text(f"{n}")
        container.out(json.dumps({"seen": n}) + "\n")
        return 1 if n in self.bad else 0


@pytest.fixture
def counting(pipelines):
    pipelines.write(NODES, EDGES, steps=[COUNT, MAKE], tasks=[SWEEP])
    found = Counting()
    pipelines.engine.behave(found)
    return found


def again(pipelines, *words, code=0):
    result = pipelines("rerun", "latest", "--from-failed", "--json", "--jobs", "1", *words, code=code)
    return json.loads(result.stdout), result.stderr


def test_a_half_done_task_is_gone_on_with(pipelines, counting):
    counting.bad = {2}
    first = pipelines.run("--jobs", "1", code=1)
    assert counting.ran == ["made", 1, 2, 3]
    counting.bad, counting.ran = set(), []
    second, said = again(pipelines)
    assert counting.ran == [2]
    assert "node sweep: goes on with task #1: 2 of 3 executions are kept" in said
    assert second["nodes"][1]["task"]["id"] == first["nodes"][1]["task"]["id"]
    assert [node["status"] for node in second["nodes"]] == ["complete", "complete"]


def test_it_fails_again_and_is_gone_on_with_again(pipelines, counting):
    counting.bad = {2, 3}
    pipelines.run("--jobs", "1", code=1)
    counting.bad = {3}
    again(pipelines, code=1)
    counting.bad, counting.ran = set(), []
    document, _ = again(pipelines)
    assert (document["status"], counting.ran) == ("complete", [3])


def test_all_of_it_runs_again_when_what_comes_before_has_to(pipelines, counting):
    counting.bad = {2}
    first = pipelines.run("--jobs", "1", code=1)
    purge(pipelines, first["nodes"][0]["execution"])
    counting.bad, counting.ran = set(), []
    document, said = again(pipelines)
    assert (document["status"], counting.ran) == ("complete", ["made", 1, 2, 3])
    assert "node sweep: task #1 was of other values or files: all of it runs again" in said


def test_all_of_it_runs_again_when_files_of_a_complete_execution_are_gone(pipelines, counting):
    counting.bad = {2}
    first = pipelines.run("--jobs", "1", code=1)
    children = pipelines.home.records.tasks.children(first["nodes"][1]["task"]["id"])
    purge(pipelines, next(child.to_dict() for _, child in children))
    counting.bad, counting.ran = set(), []
    document, _ = again(pipelines)
    assert (document["status"], counting.ran) == ("complete", [1, 2, 3])


def test_values_that_changed_make_another_task(pipelines, counting):
    counting.bad = {2}
    pipelines.run("--jobs", "1", code=1)
    counting.bad, counting.ran = set(), []
    document, said = again(pipelines, "--sweep.m=5")
    assert (document["status"], counting.ran) == ("complete", [1, 2, 3])
    assert "goes on with" not in said


def purge(pipelines, execution):
    records = pipelines.home.records
    records.data.purge([output.id for output in records.executions.get(execution["id"]).outputs])


def test_a_changed_blueprint_is_another_task(pipelines, counting):
    counting.bad = {2}
    first = pipelines.run("--jobs", "1", code=1)
    counting.bad, counting.ran = set(), []
    more = {**SWEEP, "parameters": [{"name": "n", "style": "multiple", "rules": {"items": [1, 2, 3, 4]}}]}
    pipelines.write(NODES, EDGES, steps=[COUNT, MAKE], tasks=[more])
    document, said = again(pipelines, "--current")
    assert counting.ran == [1, 2, 3, 4]
    assert "node sweep: task #1 was of other values or files: all of it runs again" in said
    assert document["nodes"][1]["task"]["id"] != first["nodes"][1]["task"]["id"]
