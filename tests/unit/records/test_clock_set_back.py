"""The clock of the machine is set back between two processes: what is newest stays so."""

from __future__ import annotations

import time

import pytest

from localhai.records import ids
from localhai.records.ids import IdMaker, seen
from tests.unit.records.every_write import Scene

YESTERDAY = 24 * 3600 * 1_000_000_000


@pytest.fixture
def set_back(monkeypatch):
    """Another process, a day earlier by its clock."""

    def go():
        earlier = time.time_ns() - YESTERDAY
        monkeypatch.setattr(time, "time_ns", lambda: earlier)
        monkeypatch.setattr(ids, "_make", IdMaker())

    return go


def test_the_newest_of_each_noun_is_what_was_made_last(records, owner, set_back):
    scene = Scene(records, owner)
    set_back()
    execution = scene.run()
    task = records.tasks.create(
        scene.project, name="t", step="s", type="grid", commit=None, document={}, owner=owner
    ).id
    pipeline = records.pipelines.create(scene.project, name="p", nodes=[], commit=None, document={}, owner=owner).id
    version = records.deployments.create_version(scene.project, deployment="d", commit="c", endpoints=[]).id

    for project in (scene.project, None):
        assert records.executions.find("latest", project).id == execution
        assert records.executions.list(project)[0].id == execution
        assert records.tasks.find("latest", project).id == task
        assert records.tasks.list(project)[0].id == task
        assert records.pipelines.find("latest", project).id == pipeline
        assert records.pipelines.list(project)[0].id == pipeline
        assert records.deployments.find_version("latest", project).id == version
    page, _ = records.executions.page([scene.project], limit=1)
    assert [item.id for item in page] == [execution]
    assert records.executions.find("latest", scene.project).counter == 2


def test_the_first_user_stays_the_first(records, set_back):
    records.users.put("ada", "a")
    set_back()
    records.users.put("bob", "b")
    assert [user.name for user in records.users.list()] == ["ada", "bob"]


@pytest.mark.parametrize("number", [1, 1 << 73, (1 << 122) - 1, 123456789 << 74 | 987654321])
def test_an_id_can_be_read_back(number):
    assert ids._number(ids._uuid(number)) == number


@pytest.mark.parametrize("text", ["", "e1", "d6b2c940-a99c-43c4-ad84-3b2e33884248", f"{'z' * 12}7{'z' * 19}"])
def test_what_is_no_id_of_ours_is_passed_over(text):
    before = ids.new_id()
    seen(text)
    assert ids.new_id()[:8] == before[:8]
