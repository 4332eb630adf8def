"""What a server left that died: taken over under its ids by the next one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from waiting import until

from localhai.app.recover import recover
from localhai.executions.run.heartbeat import own_owner
from localhai.records.queue import QueueEntry
from localhai.server.app import assemble
from localhai.testing import Canned

DEAD = 2**22 + 1  # no process has this number
YAML = """\
- step:
    name: make
    image: python:3.11-slim
    command: python make.py {parameters}
    parameters: [{name: number, type: integer, default: 1}]
- step:
    name: use
    image: python:3.11-slim
    command: python use.py
    inputs: [{name: made, optional: true}]
"""
EDGE = {
    "source_node": "make",
    "source_type": "output",
    "source_key": "*",
    "target_node": "use",
    "target_type": "input",
    "target_key": "made",
}


@pytest.fixture
def runs(engine):
    """Steps as they run."""
    found = []
    engine.behave(lambda container: found.append("make") or Canned(files={"a.txt": b"a"}).play(container), step="make")
    engine.behave(lambda _container: found.append("use") or 0, step="use")
    return found


@pytest.fixture
def first(demo, ada, runs):
    """A pipeline that has ended."""
    demo.commit = demo.upload_files({"valohai.yaml": YAML}).json()["identifier"]
    nodes = [
        {"name": name, "type": "execution", "template": {"commit": demo.commit, "step": name}}
        for name in ("make", "use")
    ]
    made = ada.post("/api/v0/pipelines/", json={"project": demo.id, "nodes": nodes, "edges": [EDGE]}).json()
    assert ada.ended("pipelines", made["id"])["status"] == "complete"
    assert runs == ["make", "use"]
    runs.clear()
    return state_of(ada, made["id"])


def state_of(ada, pipeline_id):
    return ada.get(f"/api/v0/pipelines/{pipeline_id}/").json()


def left(state, demo, first, **node):
    """A pipeline like the first one, whose server died after its first node had made an execution."""
    records = state.home.records
    earlier = records.pipelines.get(first["id"])
    record = records.pipelines.create(
        demo.id,
        name="p",
        nodes=[("make", "execution"), ("use", "execution")],
        commit=demo.commit,
        document=earlier.document,
        owner=replace(own_owner(), pid=DEAD),
        title="p",
    )
    records.pipelines.change(record.id, "started")
    records.pipelines.change_node(record.id, "make", **node)
    user = state.records.users.named("ada")
    request = {"plan": earlier.document["plan"], "reused": []}
    state.records.queue.enqueue(QueueEntry(record.id, demo.id, user.id, 0, request, kind="pipeline"))
    return record


def test_what_goes_on_is_still_asked_for_by_its_client(state, demo, ada, runs, first, tmp_path):
    """The plan was made when the server allowed more, or by another version of it."""
    (tmp_path / "a").write_text("a")
    earlier = state.home.records.pipelines.get(first["id"]).document
    plan = {**earlier["plan"], "edges": []}
    for node in plan["nodes"]:
        if node["name"] == "use":
            node |= {"inputs": {"made": [str(tmp_path / "a")]}, "explicit_inputs": ["made"]}
    record = left(state, demo, first, status="complete", execution_id=first["nodes"][0]["execution"]["id"])
    user = state.records.users.named("ada")
    state.records.queue.dequeue(record.id)
    request = {"plan": plan, "reused": []}
    state.records.queue.enqueue(QueueEntry(record.id, demo.id, user.id, 0, request, kind="pipeline"))
    state.queue.start()
    assert ada.ended("pipelines", record.id)["status"] == "error"
    latest = state.home.execution("latest", project_id=demo.id)
    assert latest.record.document["requester"] == user.id
    assert "--allow-folder" in str(latest.error)
    assert runs == []


@pytest.mark.parametrize("status", ["started", "complete"])
def test_a_pipeline_goes_on_with_what_its_nodes_had_made(state, demo, ada, runs, first, status):
    execution = first["nodes"][0]["execution"]["id"]
    record = left(state, demo, first, status=status, execution_id=execution)
    state.queue.start()
    done = ada.ended("pipelines", record.id)
    assert (done["status"], [node["status"] for node in done["nodes"]]) == ("complete", ["complete", "complete"])
    assert done["nodes"][0]["execution"]["id"] == execution
    assert runs == ["use"]
    until(lambda: not state.records.queue.begun())
    changes = [
        change["status"] for change in state.home.records.pipelines.changes(record.id) if change["node"] == "make"
    ]
    assert changes == ["complete"] if status == "complete" else ["started", "complete"]


def test_a_node_that_failed_fails_its_pipeline_still(state, demo, ada, engine, runs, first):
    engine.behave(Canned(exit_code=1), step="make")
    failed = demo.queued(step="make")
    state.queue.start()
    assert demo.ended(failed["id"])["status"] == "error"
    state.queue.ask_to_stop()
    state.queue.close()
    record = left(state, demo, first, status="started", execution_id=failed["id"])
    later = assemble(type(state)(state.home, state.secret, jobs=1))
    later.queue.start()
    done = ada.ended("pipelines", record.id)
    assert (done["status"], [node["status"] for node in done["nodes"]]) == ("error", ["error", "stopped"])
    assert runs == []
    later.queue.ask_to_stop()
    later.queue.close()


def test_what_cannot_go_on_is_closed_and_says_why(state, demo, ada, first):
    record = left(state, demo, first, status="queued")
    with state.records.access.database.begin(write=True) as transaction:
        transaction.change("DELETE FROM commits", {})
    state.queue.start()
    assert ada.ended("pipelines", record.id)["status"] in {"crashed", "error"}
    assert "it cannot go on" in state.home.records.pipelines.get(record.id).document["error"]


def test_other_commands_leave_them_to_the_server_unless_they_are_to_stop(state, demo, first):
    record = left(state, demo, first, status="queued")
    said = []
    recover(state.home, said.append)
    assert "the next localhai serve goes on with it" in said[0]
    assert state.home.records.pipelines.get(record.id).status == "started"
    state.home.records.pipelines.request_stop(record.id)
    recover(state.home, said.append)
    assert state.home.records.pipelines.get(record.id).status == "crashed"


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("stop", [False, True])
def test_a_task_goes_on_with_what_is_missing(state, demo, ada, stop):
    demo.commit = demo.upload_files({"valohai.yaml": YAML}).json()["identifier"]
    body = {"project": demo.id, "commit": demo.commit, "step": "make"}
    body["parameters"] = {"number": {"style": "multiple", "rules": {"items": [1, 2, 3]}}}
    made = ada.post("/api/v0/tasks/", json=body).json()
    assert ada.ended("tasks", made["id"])["status"] == "complete"
    until(lambda: not state.records.queue.begun())
    records = state.home.records
    (last,) = [item for number, item in records.tasks.children(made["id"]) if number == 2]
    ada.delete(f"/api/v0/executions/{last.id}/")
    records.tasks.resume(made["id"], replace(own_owner(), pid=DEAD))
    user = state.records.users.named("ada")
    state.records.queue.enqueue(QueueEntry(made["id"], demo.id, user.id, 0, {}, kind="task"))
    said = []
    recover(state.home, said.append)
    assert "the next localhai serve goes on with it" in said[0]
    if stop:
        records.tasks.request_stop(made["id"])
    state.queue.start()
    done = ada.ended("tasks", made["id"])
    assert done["status"] == ("stopped" if stop else "complete")
    assert done["status_summary"]["complete_count"] == (2 if stop else 3)


def test_an_execution_whose_command_had_not_begun_waits_again(state, demo, runs):
    from localhai.app.recover import recover as look_after

    demo.commit = demo.upload_files({"valohai.yaml": YAML}).json()["identifier"]
    made = demo.queued(step="make")
    records = state.home.records
    records.executions.adopt(made["id"], None, replace(own_owner(), pid=DEAD))
    records.executions.transition(made["id"], "started")
    said = []
    look_after(state.home, said.append)
    assert "it waits again for localhai serve" in said[0]
    state.queue.start()
    assert demo.ended(made["id"])["status"] == "complete"
    assert runs == ["make"]
