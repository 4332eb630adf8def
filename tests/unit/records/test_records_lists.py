"""Lists of executions take what they show from an index, in its order: a long history costs them nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from localhai.records.executions import EXECUTIONS, conditions


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({}, "sqlite_autoindex_executions_1"),
        ({"project_id": "x"}, "executions_project (project_id=?)"),
        ({"project_id": "x", "status": "error"}, "executions_project_status (project_id=? AND status=?)"),
        ({"project_id": "x", "step": "train"}, "executions_project_step (project_id=? AND step=?)"),
        ({"status": "error"}, "executions_status (status=?)"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_the_newest_are_found_without_sorting_all(empty_database, asked, index):
    given = dict.fromkeys(("project_id", "status", "step", "tag")) | asked
    where, parameters = conditions(**given)
    sql = f"EXPLAIN QUERY PLAN {EXECUTIONS.sql} {where} ORDER BY e.id DESC LIMIT 100"
    with closing(sqlite3.connect(empty_database)) as connection:
        steps = [row[3] for row in connection.execute(sql, parameters)]
    assert any(step.endswith(f"USING INDEX {index}") for step in steps), steps
    assert not any("ORDER BY" in step for step in steps)
