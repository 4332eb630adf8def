"""What is remembered of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localhai.errors import UsageError
from localhai.records import Owner

if TYPE_CHECKING:
    from localhai.records import Records
    from localhai.records.task_rows import TaskRecord

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
    assert first.to_dict()["status"] == "started"


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


def test_many_children_come_in_order(records: Records, project: str) -> None:
    task, other = make(records, project), make(records, project)
    for number in range(520):
        execution = records.executions.create(project, step="train", image="x", commit=None, document={}, owner=None)
        records.tasks.add_child(task.id if number % 10 else other.id, number, execution.id)
    numbers = [number for number, _ in records.tasks.children(task.id)]
    assert numbers == [number for number in range(520) if number % 10]
