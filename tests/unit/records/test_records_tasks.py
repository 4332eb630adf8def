"""What is remembered of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localhai.errors import UsageError
from localhai.records import Owner

if TYPE_CHECKING:
    from localhai.records import Records
    from localhai.records.tasks import TaskRecord

ME = Owner("here", 7, "1", "boot")


@pytest.fixture
def project(records: Records) -> str:
    return records.projects.of_folder("/a/newsroom", "newsroom").id


def make(records: Records, project: str, name: str = "rates") -> TaskRecord:
    return records.tasks.create(
        project, name=name, step="train", type="grid_search", commit="~1", document={"plan": {}}, owner=ME
    )


def child(records: Records, task: TaskRecord, number: int, status: str = "complete") -> str:
    execution = records.executions.create(
        task.project_id, step="train", image="x", commit=None, document={"parameters": {"n": number}}, owner=None
    )
    records.tasks.add_child(task.id, number, execution.id)
    for status_ in ("queued", "started", *(("stopping",) if status == "stopped" else ()), status):
        records.executions.transition(execution.id, status_)
    return execution.id


def test_tasks_count_by_themselves(records: Records, project: str) -> None:
    first = make(records, project)
    child(records, first, 0)
    second = make(records, project, "others")
    assert (first.counter, second.counter) == (1, 2)
    assert [item.name for item in records.tasks.list(project)] == ["others", "rates"]
    assert records.tasks.find("#1", project) == first
    assert records.tasks.find("latest", project) == second
    assert records.tasks.find(first.id[:-2]) == first
    with pytest.raises(UsageError, match="no task '9'"):
        records.tasks.find("9", project)


def test_a_task_has_the_shape_of_the_design(records: Records, project: str) -> None:
    document = {"plan": {"parity": [{"key": "icon"}]}}
    task = records.tasks.create(
        project, name="rates", step="train", type="grid_search", commit="~1", document=document, owner=ME
    )
    shape = {
        "id": task.id,
        "counter": 1,
        "status": "started",
        "name": "rates",
        "step": "train",
        "type": "grid_search",
        "project": "newsroom",
        "commit": "~1",
        "created": task.created,
        "finished": None,
        "duration": None,
        "parity": [{"key": "icon"}],
        "error": None,
    }
    assert task.to_dict() == shape
    closed = records.tasks.close(task.id, "error", error="1 of 2 executions failed", duration=1.5)
    ended = {"status": "error", "finished": closed.finished, "duration": 1.5, "error": "1 of 2 executions failed"}
    assert closed.to_dict() == shape | ended
    bare = records.tasks.create(project, name="x", step="s", type="manual_search", commit=None, document={}, owner=None)
    assert bare.to_dict()["parity"] == []


def test_a_stop_reaches_a_task_that_runs_and_no_other(records: Records, project: str) -> None:
    task = make(records, project)
    assert not records.tasks.stop_requested(task.id)
    assert records.tasks.request_stop(task.id)
    assert records.tasks.stop_requested(task.id)
    closed = records.tasks.close(task.id, "stopped", error="asked to stop")
    assert (closed.status, closed.document["error"], closed.document["plan"]) == ("stopped", "asked to stop", {})
    assert closed.duration is not None
    assert not records.tasks.request_stop(task.id)
    assert records.tasks.close(task.id, "complete").status == "stopped"


def test_one_of_several_resumes_a_task(records: Records, project: str) -> None:
    task = make(records, project)
    assert not records.tasks.resume(task.id, ME)
    records.tasks.request_stop(task.id)
    records.tasks.close(task.id, "stopped")
    assert records.tasks.resume(task.id, ME)
    assert not records.tasks.resume(task.id, ME)
    assert not records.tasks.stop_requested(task.id)
    assert [item.id for item in records.tasks.list_open(host="here")] == [task.id]


def test_the_last_execution_of_a_number_counts(records: Records, project: str) -> None:
    task = make(records, project)
    child(records, task, 1, "stopped")
    child(records, task, 0)
    again = child(records, task, 1)
    found = [(number, item.id, str(item.status)) for number, item in records.tasks.children(task.id)]
    assert [(number, status) for number, _, status in found] == [(0, "complete"), (1, "complete")]
    assert found[1][1] == again
    assert records.tasks.counts(task.id) == {"complete": 2}
    records.executions.delete(again)
    assert [number for number, _ in records.tasks.children(task.id)] == [0]


@pytest.mark.parametrize("count", [4, 8, 9])
def test_children_are_read_part_by_part_and_come_in_order(
    records: Records, project: str, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr("localhai.records.tasks._AT_ONCE", 4)
    task, other = make(records, project), make(records, project)
    made = {}
    for number in (*range(0, count, 2), *range(1, count, 2)):
        execution = records.executions.create(project, step="train", image="x", commit=None, document={}, owner=None)
        records.tasks.add_child(task.id, number, execution.id)
        records.tasks.add_child(other.id, number, execution.id)
        made[number] = execution.id
    found = [(number, item.id) for number, item in records.tasks.children(task.id)]
    assert found == sorted(made.items())


def test_only_the_owner_that_was_seen_loses_a_task(records: Records, project: str) -> None:
    task = make(records, project)
    assert (task.status, task.owner, task.finished) == ("started", ME, None)
    assert not records.tasks.close_left(task.id, Owner("other", 7, "1", "boot"), error="no")
    assert records.tasks.get(task.id) == task
    assert records.tasks.close_left(task.id, ME, error="its localhai died")
    closed = records.tasks.get(task.id)
    assert (closed.status, closed.document) == ("crashed", {"plan": {}, "error": "its localhai died"})
    assert closed.finished is not None
    assert not records.tasks.close_left(task.id, ME)


def test_a_task_that_is_resumed_has_a_new_owner_and_no_end(records: Records, project: str) -> None:
    task = make(records, project)
    records.tasks.request_stop(task.id)
    first = records.tasks.get(task.id).stop_requested
    assert first is not None
    assert records.tasks.request_stop(task.id)
    assert records.tasks.get(task.id).stop_requested == first
    records.tasks.close(task.id, "stopped")
    other = Owner("there", 8, "2", "boot")
    assert records.tasks.resume(task.id, other)
    found = records.tasks.get(task.id)
    assert (found.status, found.owner, found.finished, found.stop_requested) == ("started", other, None, None)


def test_open_tasks_are_those_that_run_oldest_first(records: Records, project: str) -> None:
    tasks = [make(records, project) for _ in range(3)]
    records.tasks.close(tasks[1].id, "error")
    records.tasks.close(tasks[2].id, "error")
    records.tasks.resume(tasks[2].id, Owner("there", 8, "2", "boot"))
    assert [item.id for item in records.tasks.list_open()] == [tasks[0].id, tasks[2].id]
    assert [item.id for item in records.tasks.list_open(host="there")] == [tasks[2].id]
    other = records.projects.of_folder("/b", "other").id
    assert records.tasks.list(other) == []
    assert [item.id for item in records.tasks.list(limit=2)] == [tasks[2].id, tasks[1].id]


def test_an_execution_knows_its_task(records: Records, project: str) -> None:
    task = make(records, project)
    made = child(records, task, 3)
    records.tasks.add_child(task.id, 3, made)
    assert records.tasks.of_execution(made) == task.id
    assert records.tasks.of_execution("no such id") is None
    assert records.tasks.counts("no such id") == {}
    child(records, task, 4, "stopped")
    child(records, task, 5, "error")
    assert records.tasks.counts(task.id) == {"complete": 1, "stopped": 1, "error": 1}


def test_a_task_may_have_its_id_already(records: Records, project: str) -> None:
    made = records.tasks.create(
        project,
        name="x",
        step="s",
        type="manual_search",
        commit=None,
        document={"a": 1},
        owner=None,
        known_as="0199-known",
    )
    assert (made.id, made.name, made.step, made.type) == ("0199-known", "x", "s", "manual_search")
    assert (made.commit, made.owner, made.document) == (None, None, {"a": 1})
