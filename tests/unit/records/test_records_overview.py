"""A project's executions in a few queries: what changed is another, how much there is, who made what."""

from __future__ import annotations

import pytest

from localhai.records import DatumRecord, Records

TIME = "2026-01-01T00:00:00.000000Z"


@pytest.fixture
def records(home, url):
    with Records.open(home, url) as opened:
        yield opened


@pytest.fixture
def project(records):
    return records.projects.of_folder("/p", "p").id


@pytest.fixture
def make(records, project):
    def one(in_project=None, **more):
        values = {"step": "s", "image": "i", "commit": None, "document": {}, "owner": None, **more}
        return records.executions.create(in_project or project, **values).id

    return one


CHANGES = {
    "status": lambda records, key: records.executions.transition(key, "queued"),
    "exit code": lambda records, key: records.executions.update(key, exit_code=3),
    "title": lambda records, key: records.executions.update(key, title="new"),
    "tags": lambda records, key: records.executions.update(key, tags=["a"]),
    "document": lambda records, key: records.executions.update(key, error="it broke"),
    "a wish to stop": lambda records, key: records.executions.request_stop(key),
    "outputs": lambda records, key: records.data.add(
        key, [DatumRecord("00000000-0000-7000-8000-00000000000d", "m", 1, TIME, "/m", "m", "s", "s")]
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_mark_of_what_changed_is_another_and_that_of_nothing_else(records, project, make, change):
    keys = [make(tags=["x"]), make()]
    before = records.overview.marks(project).texts
    assert list(before) == keys
    CHANGES[change](records, keys[0])
    after = records.overview.marks(project).texts
    assert after[keys[0]] != before[keys[0]]
    assert after[keys[1]] == before[keys[1]]


def test_tags_that_change_their_order_are_a_change(records, project, make):
    key = make(tags=["a", "b"])
    before = records.overview.marks(project).texts[key]
    records.executions.update(key, tags=["b", "a"])
    assert records.overview.marks(project).texts[key] != before


def test_it_is_said_what_made_an_execution(records, project, make):
    of_task, of_pipeline, alone = make(), make(), make()
    task = records.tasks.create(project, name="t", step="s", type="grid", commit=None, document={}, owner=None)
    records.tasks.add_child(task.id, 0, of_task)
    pipeline = records.pipelines.create(
        project, name="nightly", nodes=[("train", "execution")], commit=None, document={}, owner=None
    )
    records.pipelines.change_node(pipeline.id, "train", status="started", execution_id=of_pipeline)
    marks = records.overview.marks(project)
    assert marks.tasks == {of_task: 1}
    assert marks.pipelines == {of_pipeline: 1}
    assert records.overview.node_of(of_pipeline) == {
        "id": pipeline.id,
        "counter": 1,
        "name": "nightly",
        "node": "train",
    }
    assert records.overview.node_of(alone) is None


def test_projects_are_counted_each(records, project, make):
    other = records.projects.of_folder("/q", "q").id
    records.projects.of_folder("/empty", "empty")
    first, _second, third = make(), make(), make(other)
    for status in ("queued", "started", "complete"):
        records.executions.transition(first, status)
    counts = records.overview.counts()
    assert {key: (count.executions, count.running) for key, count in counts.items()} == {project: (2, 1), other: (1, 1)}
    assert counts[other].last == records.executions.get(third).created


def test_what_is_deleted_has_no_mark(records, project, make):
    key = make()
    records.data.add(key, [DatumRecord("00000000-0000-7000-8000-00000000000d", "m", 1, TIME, "/m", "m", "s", "s")])
    for status in ("queued", "started", "complete"):
        records.executions.transition(key, status)
    records.executions.delete(key)
    assert records.overview.marks(project).texts == {}
