"""Keys of executions. Runs on SQLite here, and on PostgreSQL in tests/docker."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest


def make(records, project, key, *, step="train", status="complete", parts=None):
    made = records.executions.create(project.id, step=step, image="i", commit=None, document={}, owner=None)
    records.reuse.remember_key(made.id, key, parts or {"code": {"": key}})
    for each in ("queued", "started", status):
        records.executions.transition(made.id, each)
    return made


def test_executions_of_a_key_are_the_complete_ones_of_the_project_newest_first(records, project):
    other = records.projects.of_folder("/b/other", "other")
    first, second = make(records, project, "k"), make(records, project, "k")
    make(records, project, "k", status="error")
    make(records, project, "another")
    make(records, other, "k")
    assert [item.execution.id for item in records.reuse.of_key(project.id, "k")] == [second.id, first.id]
    failed = records.reuse.of_key(project.id, "k", complete=False, limit=1)
    assert [item.execution.status for item in failed] == ["error"]


def test_a_key_said_again_takes_the_place_of_the_first(records, project):
    made = make(records, project, "old")
    records.reuse.remember_outputs(made.id, {"d": [1, 2, 3]})
    records.reuse.remember_key(made.id, "new", {"code": {"": "x"}})
    assert records.reuse.of_key(project.id, "old") == []
    (found,) = records.reuse.of_key(project.id, "new")
    assert (found.parts, found.outputs) == ({"code": {"": "x"}}, {"d": [1, 2, 3]})


def test_parts_of_a_step_are_those_of_its_complete_executions(records, project):
    made = make(records, project, "a", parts={"code": {"": "1"}})
    make(records, project, "b", status="crashed")
    make(records, project, "c", step="evaluate")
    assert records.reuse.keys_of_step(project.id, "train") == [(made.id, {"code": {"": "1"}})]


def test_a_deleted_execution_is_found_no_more(records, project):
    made = make(records, project, "k")
    records.executions.delete(made.id)
    assert records.reuse.of_key(project.id, "k") == []
    assert records.reuse.keys_of_step(project.id, "train") == []


@pytest.mark.parametrize("column", ["key", "step"])
@pytest.mark.usefixtures("records")
def test_keys_are_found_by_an_index(column, home, url):
    if url is not None:  # only SQLite explains itself in one line
        return
    where = f"project_id = 'p' AND {column} = 'k'"
    sql = f"EXPLAIN QUERY PLAN SELECT execution_id FROM execution_keys WHERE {where} ORDER BY execution_id DESC"  # noqa: S608 - ours
    with closing(sqlite3.connect(home / "localhai.db")) as connection:
        (row,) = connection.execute(sql).fetchall()
    assert f"execution_keys_{column}" in row[3]
