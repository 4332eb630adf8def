"""What a dead localhai left of a task: closed by one of those who find it, with what its members shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from localhai.app import unfinished
from localhai.containers import labels
from localhai.executions.home import Home
from localhai.executions.run.heartbeat import at_work, own_owner
from localhai.settings import Settings
from localhai.testing import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.records.tasks import TaskRecord

DEAD = replace(own_owner(), pid=2**22 + 1)  # no process has this number
SHARED = "localhai-group"


@pytest.fixture
def home(used_home: Path) -> Iterator[Home]:
    engine = FakeEngine()
    with Home(Settings(home=used_home), engine=engine) as opened:
        yield opened
    engine.close()


def task_of(home: Home, kind: Any = "distributed") -> TaskRecord:
    """A task of a dead localhai, with a network that only its members use."""
    project = home.records.projects.of_folder("/a/group", "group")
    task = home.records.tasks.create(
        project.id, name="group", step="train", type=kind, commit=None, document={"plan": {}}, owner=DEAD
    )
    home.engine.create_network(SHARED, {labels.TASK: task.id})
    return task


def add_member(home: Home, task: TaskRecord, status: str) -> None:
    made = home.records.executions.create(
        task.project_id, step="train", image="x", commit=None, document={}, owner=own_owner()
    )
    home.records.tasks.add_child(task.id, 0, made.id)
    for word in ("queued", "started", "complete")[: ["queued", "started", "complete"].index(status) + 1]:
        home.records.executions.transition(made.id, word)


def test_it_is_closed_with_its_reason_and_how_it_goes_on_is_said(home: Home) -> None:
    task = task_of(home)
    home.engine.create_network("of-others", {labels.TASK: "another"})
    assert [item.id for item in unfinished.left(home, home.records.tasks.list_open())] == [task.id]
    said: list[str] = []
    unfinished.close_task(home, task, said.append)
    assert said == ["task #1 was left by a localhai that died: localhai task resume 1"]
    found = home.records.tasks.get(task.id)
    assert (found.status, found.document["error"]) == ("crashed", "the localhai that ran it died")
    assert home.engine.networks({labels.TASK: None}) == ["of-others"]
    assert unfinished.left(home, home.records.tasks.list_open()) == []


def test_one_of_several_closes_it(home: Home) -> None:
    task = task_of(home)
    with at_work(task.id):
        home.records.tasks.adopt(task.id, DEAD, own_owner())
        assert unfinished.left(home, home.records.tasks.list_open()) == []
        unfinished.close_task(home, task, pytest.fail)
    assert [item.id for item in unfinished.left(home, home.records.tasks.list_open())] == [task.id], (
        "nobody is at work on it any more"
    )
    assert home.records.tasks.get(task.id).status == "started"


@pytest.mark.parametrize(
    ("kind", "member", "stays"),
    [
        ("distributed", "complete", False),
        ("distributed", "queued", True),
        ("distributed", "started", True),
        ("grid_search", "complete", True),
    ],
)
def test_what_members_share_goes_with_the_last_of_them(home: Home, kind: str, member: str, stays: bool) -> None:
    task = task_of(home, kind)
    add_member(home, task, member)
    unfinished.close_task(home, task, lambda _text: None)
    assert home.records.tasks.get(task.id).status == "crashed"
    assert bool(home.engine.networks({labels.TASK: task.id})) == stays
