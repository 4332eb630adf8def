"""Two versions of localhai on one home: what one added to the schema does not break the other, which runs on."""

from __future__ import annotations

import re

import pytest

from localhai.records import Records
from localhai.records.sqlite import SCHEMA
from localhai.records.upgrade import VERSIONS
from tests.unit.records.every_write import DATUM, WRITES, Scene

TABLES = re.findall(r"CREATE TABLE (\w+)", SCHEMA.read_text())
READS = {
    "executions.get": lambda s: s.records.executions.get(s.execution),
    "executions.find": lambda s: s.records.executions.find("1", s.project),
    "executions.list": lambda s: s.records.executions.list(s.project, tag="t"),
    "executions.of_user": lambda s: s.records.executions.of_user("ada"),
    "executions.list_open": lambda s: s.records.executions.list_open(),
    "executions.status_changes": lambda s: s.records.executions.status_changes(s.execution),
    "executions.page": lambda s: s.records.executions.page([s.project], limit=5),
    "data.get": lambda s: s.records.data.get(DATUM),
    "data.list": lambda s: s.records.data.list(project_id=s.project),
    "aliases.get": lambda s: s.records.aliases.get(s.project, "best"),
    "aliases.changes": lambda s: s.records.aliases.changes(s.project, "best"),
    "uses.of_data": lambda s: s.records.uses.of_data([DATUM]),
    "tasks.get": lambda s: s.records.tasks.get(s.task),
    "tasks.find": lambda s: s.records.tasks.find("latest", s.project),
    "tasks.list": lambda s: s.records.tasks.list(),
    "tasks.children": lambda s: list(s.records.tasks.children(s.task)),
    "pipelines.get": lambda s: s.records.pipelines.get(s.pipeline),
    "pipelines.find": lambda s: s.records.pipelines.find("1", s.project),
    "pipelines.list": lambda s: s.records.pipelines.list(s.project),
    "pipelines.changes": lambda s: s.records.pipelines.changes(s.pipeline),
    "deployments.list": lambda s: s.records.deployments.list(),
    "deployments.version": lambda s: s.records.deployments.version(s.version.id),
    "deployments.find_version": lambda s: s.records.deployments.find_version("d", s.project),
    "versions.parents": lambda s: s.records.versions.parents(s.project, "model"),
    "versions.list": lambda s: s.records.versions.list(s.project, "model", "m"),
    "versions.find": lambda s: s.records.versions.find(s.project, "model", "m", "good"),
    "reuse.of_key": lambda s: s.records.reuse.of_key(s.project, "key", complete=False),
    "reuse.keys_of_step": lambda s: s.records.reuse.keys_of_step(s.project, "s"),
    "processes.silence": lambda s: s.records.processes.silence(s.owner),
    "projects.list": lambda s: s.records.projects.list(),
    "users.list": lambda s: s.records.users.list(),
    "users.owners": lambda s: s.records.users.owners(),
    "variables.list": lambda s: s.records.variables.list(s.project),
    "packages.list": lambda s: s.records.packages.list(s.project),
    "queue.waiting": lambda s: s.records.queue.waiting(),
    "queue.entry": lambda s: s.records.queue.entry(s.execution),
}


@pytest.fixture
def scene(records, owner):
    """A process that was there before: then another localhai added a column to every table."""
    with records.access.database.begin(write=True) as transaction:
        for table in TABLES:
            transaction.change(f"ALTER TABLE {table} ADD COLUMN of_tomorrow TEXT NOT NULL DEFAULT 'x'", {})
    return Scene(records, owner)


@pytest.mark.parametrize("name", WRITES)
def test_an_older_localhai_writes_into_a_newer_schema(scene, name):
    prepare, write = WRITES[name]
    write(scene, prepare(scene) if prepare else None)


@pytest.mark.parametrize("name", READS)
def test_an_older_localhai_reads_a_newer_schema(scene, name):
    READS[name](scene)


@pytest.mark.parametrize("revision", VERSIONS)
def test_an_older_schema_is_used_by_a_newer_localhai(make_old, tmp_path, owner, revision):
    make_old(revision)
    with Records.open(tmp_path) as records:
        scene = Scene(records, owner)
        for read in READS.values():
            read(scene)
