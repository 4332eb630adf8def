"""What a dead localhai left of a pipeline is closed and told of by whichever command comes next."""

import json

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from localhai.app import unfinished
from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.run.heartbeat import at_work, own_owner

DEAD = 2**22 + 1  # no process has this number


@pytest.fixture
def left(pipelines):
    """Pipeline #1 with a complete node, a task node whose task is open, and one that waits."""
    step = {"name": "count", "parameters": [{"name": "n", "type": "integer", "default": 0}]}
    sweep = {"name": "sweep", "step": "count", "parameters": []}
    nodes = [{"name": "a", "step": "count"}, {"name": "b", "task": "sweep"}, {"name": "c", "step": "count"}]
    pipelines.write(nodes, [["a.dependency.*", "b.dependency.*"]], steps=[step], tasks=[sweep])
    done = pipelines.run()
    dead, records = replace(own_owner(), pid=DEAD), pipelines.home.records
    record = records.pipelines.create(
        records.pipelines.find(done["id"], None).project_id,
        name="p",
        nodes=[("a", "execution"), ("b", "task"), ("c", "execution")],
        commit=None,
        document={"plan": records.pipelines.find(done["id"], None).document["plan"], "tags": [], "env_file": None},
        owner=dead,
        title="p",
    )
    records.pipelines.change(record.id, "started")
    records.pipelines.change_node(record.id, "a", status="complete", execution_id=done["nodes"][0]["execution"]["id"])
    task = done["nodes"][1]["task"]
    records.tasks.resume(task["id"], dead)
    records.pipelines.change_node(record.id, "b", status="started", task_id=task["id"])
    return pipelines


@pytest.mark.parametrize(
    "words",
    [
        ("execution", "list"),
        ("pipeline", "list"),
        ("pipeline", "run", "p"),
        ("task", "list"),
        ("task", "run", "count", "--grid", "n=1,2"),
        ("run", "count"),
        ("data", "list"),
        ("alias", "list"),
        ("dataset", "list"),
        ("model", "list"),
        ("deployment", "list"),
    ],
    ids=" ".join,
)
def test_any_command_tells(left, words):
    said = CliRunner().invoke(cli, words, obj=Call(home=left.home, folder=left.folder)).stderr
    assert "pipeline #2 (p, project newsroom) was left by a localhai that died while b ran" in said
    assert "go on with: localhai pipeline rerun 2 --from-failed" in said
    assert "task #1 was left by a localhai that died" in said
    again = CliRunner().invoke(cli, words, obj=Call(home=left.home, folder=left.folder)).stderr
    assert "was left" not in again


def test_what_is_left_is_closed_and_gone_on_with(left):
    found = json.loads(left("info", "2", "--json").stdout)
    assert found["status"] == "crashed"
    assert {node["name"]: (node["status"], node["reason"]) for node in found["nodes"]} == {
        "a": ("complete", None),
        "b": ("stopped", "localhai died"),
        "c": ("stopped", "localhai died"),
    }
    again = left("rerun", "2", "--from-failed", "--json")
    document = json.loads(again.stdout)
    assert {node["status"] for node in document["nodes"]} == {"complete"}
    assert "kept from pipeline #2: a" in again.stderr
    assert "node b: goes on with task #1: 1 of 1 executions are kept" in again.stderr


def execution_of(pipelines, record, status):
    """An execution of this process as a node made it, with this status."""
    records = pipelines.home.records
    made = records.executions.create(
        record.project_id, step="count", image="x", commit=None, document={}, owner=own_owner()
    )
    for word in ("queued", "started", *((status,) if status != "started" else ())):
        records.executions.transition(made.id, word)
    return made


def test_what_became_of_executions_is_what_became_of_their_nodes(left):
    """Executions are looked after before: those that run go on without their pipeline."""
    records = left.home.records
    first = records.pipelines.list(limit=1)[0]
    made = {}
    for name, status in (("a", "complete"), ("b", "crashed"), ("c", "started")):
        made[name] = execution_of(left, first, status)
        records.pipelines.change_node(first.id, name, status="started", execution_id=made[name].id)
    said = []
    unfinished.close_pipeline(left.home, records.pipelines.get(first.id), said.append)
    found = records.pipelines.get(first.id)
    assert (found.status, found.document["error"]) == ("crashed", "localhai died")
    assert [(node.status, node.document["reason"]) for node in found.nodes] == [
        ("complete", "localhai died before it saw the end"),
        ("error", "localhai died before it saw the end"),
        ("stopped", f"localhai died; execution #{made['c'].counter} went on"),
    ]
    assert "died while a, b, c ran; go on with" in said[0]


def test_a_pipeline_that_ran_nothing_is_said_to_have_run_nothing(left):
    records = left.home.records
    found = records.pipelines.list(limit=1)[0]
    records.pipelines.change_node(found.id, "b", status="created")
    said = []
    unfinished.close_pipeline(left.home, records.pipelines.get(found.id), said.append)
    assert "was left by a localhai that died; go on with: localhai pipeline rerun 2 --from-failed" in said[0]


def test_one_of_several_closes_what_is_left(left):
    records = left.home.records
    seen = records.pipelines.list(limit=1)[0]
    assert [item.id for item in unfinished.left(left.home, left.home.records.pipelines.list_open())] == [seen.id]
    with at_work(seen.id):
        records.pipelines.adopt(seen.id, seen.owner, own_owner())
        assert unfinished.left(left.home, left.home.records.pipelines.list_open()) == []
        unfinished.close_pipeline(left.home, seen, pytest.fail)
    assert [item.id for item in unfinished.left(left.home, left.home.records.pipelines.list_open())] == [seen.id], (
        "nobody is at work on it any more"
    )
    assert records.pipelines.get(seen.id).status == "started"
