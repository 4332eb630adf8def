"""What somebody wishes of a pipeline while it runs, and how one ends that a fault of ours cut off."""

from __future__ import annotations

import json
import threading

import pytest

from localhai.executions.run.heartbeat import at_work, own_owner
from localhai.pipelines.node_execution import ExecutionRunner
from localhai.testing import Canned

PATIENCE = 30
STEPS = [{"name": "count"}]
TWO = [{"name": "a", "step": "count"}, {"name": "b", "step": "count"}]
ORDER = [["a.dependency.*", "b.dependency.*"]]


def running(pipelines):
    """The pipeline that runs."""
    (record,) = pipelines.home.records.pipelines.list_open()
    return record


def facts(document):
    return document["status"], [node["status"] for node in document["nodes"]]


def test_a_stop_that_another_process_asks_for_ends_what_runs_and_what_would(pipelines):
    def asked(container):
        pipelines.home.records.pipelines.request_stop(running(pipelines).id)
        return container.sleep(PATIENCE)

    pipelines.engine.behave(asked)
    pipelines.write(TWO, ORDER, steps=STEPS)
    document = pipelines.run(code=1)
    assert facts(document) == ("stopped", ["stopped", "stopped"])
    assert document["error"] == "stopped by request"
    assert document["nodes"][1]["execution"] is None


@pytest.fixture
def waiting(pipelines):
    """A pipeline whose second node waits for an approval."""
    approval = {"when": "node-starting", "then": ["require-approval"]}
    pipelines.write([TWO[0], {**TWO[1], "actions": [approval]}], ORDER, steps=STEPS)
    return pipelines


def test_a_node_that_another_process_approves_goes_on(waiting):
    waiting.engine.behave(lambda _container: waiting.home.records.pipelines.approve_node(running(waiting).id, "b"))
    assert facts(waiting.run()) == ("complete", ["complete", "complete"])


def test_an_approval_of_all_is_said_of_each(waiting):
    said = waiting("run", "p", "--approve-all").stderr
    assert said.count("approved by --approve-all") == 1
    assert "node b: approved by --approve-all" in said


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_more_nodes_run_at_once_than_may(pipelines, jobs):
    lock, counts = threading.Lock(), [0, 0]

    def crowd(container):
        with lock:
            counts[0] += 1
            counts[1] = max(counts)
        container.sleep(0.05)
        with lock:
            counts[0] -= 1

    pipelines.engine.behave(crowd)
    pipelines.write([{"name": name, "step": "count"} for name in "abcd"], steps=STEPS)
    assert pipelines.run("--jobs", str(jobs))["status"] == "complete"
    assert counts[1] <= jobs


def test_a_fault_of_ours_stops_what_runs_and_closes_the_pipeline(pipelines, monkeypatch):
    run, began = ExecutionRunner.run, threading.Event()

    def broken(runner, work):
        if work.node.name == "b":
            assert began.wait(PATIENCE)
            raise ZeroDivisionError("oh")
        return run(runner, work)

    def waits(container):
        began.set()
        return container.sleep(PATIENCE)

    monkeypatch.setattr(ExecutionRunner, "run", broken)
    pipelines.engine.behave(waits)
    pipelines.write(TWO, steps=STEPS)
    assert pipelines("run", "p", "--jobs", "2", code=1).exit_code
    (record,) = pipelines.home.records.pipelines.list()
    assert (record.status, record.document["error"]) == ("crashed", "localhai failed: ZeroDivisionError: oh")
    assert record.finished is not None
    (execution,) = pipelines.home.records.executions.list()
    assert execution.status == "stopped"


def test_what_still_runs_of_an_earlier_run_is_waited_for_or_stopped(pipelines):
    pipelines.engine.behave(lambda _container: 1)
    pipelines.write([TWO[0]], steps=STEPS)
    first = pipelines.run(code=1)
    records = pipelines.home.records
    record = records.pipelines.get(first["id"])
    made = records.executions.create(
        record.project_id, step="count", image="x", commit=None, document={}, owner=own_owner()
    )
    records.pipelines.change_node(record.id, "a", execution_id=made.id)
    with at_work(made.id):
        done = pipelines("rerun", "1", "--from-failed", "--json", code=2)
    error = json.loads(done.stdout)["error"]
    assert error["message"] == "execution #2 of node a still runs"
    assert error["hints"] == ["wait for it: localhai execution watch 2", "or stop it"]


@pytest.mark.parametrize("kept", ["last", "all"])
def test_files_of_one_name_are_told_where_only_the_last_is_kept(pipelines, kept):
    pipelines.engine.behave(Canned(files={"out.txt": "made"}), step="make")
    (pipelines.folder / "localhai.toml").write_text(f'[data]\nsame_names = "{kept}"\n')
    nodes = [{"name": "a", "step": "make"}, {"name": "b", "step": "make"}, {"name": "c", "step": "read"}]
    edges = [[f"{name}.output.*", "c.input.files"] for name in "ab"]
    pipelines.write(nodes, edges, steps=[{"name": "make"}, {"name": "read", "inputs": [{"name": "files"}]}])
    said = [line for line in pipelines("run", "p").stderr.splitlines() if "node c: " in line and "out.txt" in line]
    assert len(said) == (1 if kept == "last" else 0)


def test_where_there_is_no_engine_nothing_is_recorded(pipelines):
    pipelines.write(TWO, steps=STEPS)
    pipelines.engine.lose()
    pipelines("run", "p", code=4)
    assert pipelines.home.records.pipelines.list() == []
