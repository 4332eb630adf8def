"""Databases of an earlier localhai: what was remembered then is still known."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from localhai.records import Records
from localhai.records.sqlite import SqliteDatabase

TIME = "2026-01-01T00:00:00.000000Z"


def insert(connection, table, **values):
    names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" for _ in values)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))  # noqa: S608 - ours
    connection.commit()


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_uses_of_data_and_aliases_of_the_time_before_versions_are_known(make_old, tmp_path, revision):
    old = make_old(revision)
    insert(old, "projects", id="p", name="news", path="/a", created=TIME)
    files = [{"uri": "datum://d"}, {"uri": "datum://d"}, {"uri": "s3://bucket/key"}]
    documents = [{}, {"inputs": [{"name": "model", "files": files}, {"name": "empty", "files": []}]}]
    for number, document in enumerate(documents, 1):
        values = {"status": "complete", "step": "s", "image": "i", "created": TIME, "document": json.dumps(document)}
        insert(old, "executions", id=f"e{number}", project_id="p", counter=number, **values)
    sums = {"md5": "", "sha1": "", "sha256": "", "properties": "[]"}
    insert(old, "data", id="d", execution_id="e1", project_id="p", name="m", size=1, ctime=TIME, uri="/m", **sums)
    insert(old, "datum_aliases", project_id="p", name="best", datum_id="d", created=TIME, updated=TIME)

    with Records.open(tmp_path) as records:
        uses = records.uses.of_data(["d"])
        changes = records.aliases.changes("p", "best")
    assert [(use.execution_id, use.input) for use in uses] == [("e2", "model")]
    assert [(change.time, change.datum_id) for change in changes] == [(TIME, "d")]


def schema_of(path):
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        version = connection.execute("SELECT * FROM localhai_version").fetchall()
    return {(kind, name): " ".join((sql or "").split()) for kind, name, sql in found}, version


def test_new_records_have_the_schema_that_the_migrations_make(tmp_path, empty_database):
    migrated = SqliteDatabase(tmp_path / "localhai.db")
    migrated.migrate()
    migrated.close()
    assert schema_of(empty_database) == schema_of(migrated.path), "run scripts/schema.py after a new migration"
