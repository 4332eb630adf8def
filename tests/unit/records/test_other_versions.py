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
    "execution": lambda s: s.records.execution(s.execution),
    "find_execution": lambda s: s.records.find_execution("1", s.project),
    "executions": lambda s: s.records.executions(s.project, tag="t"),
    "executions_of_user": lambda s: s.records.executions_of_user("ada"),
    "open_executions": lambda s: s.records.open_executions(),
    "status_changes": lambda s: s.records.status_changes(s.execution),
    "executions_page": lambda s: s.server.executions_page([s.project], limit=5),
    "datum": lambda s: s.records.datum(DATUM),
    "data": lambda s: s.records.data(project_id=s.project),
    "alias": lambda s: s.records.alias(s.project, "best"),
    "alias_changes": lambda s: s.records.alias_changes(s.project, "best"),
    "uses_of_data": lambda s: s.records.uses_of_data([DATUM]),
    "task": lambda s: s.records.task(s.task),
    "find_task": lambda s: s.records.find_task("latest", s.project),
    "tasks": lambda s: s.records.tasks(),
    "task_children": lambda s: list(s.records.task_children(s.task)),
    "pipeline": lambda s: s.records.pipeline(s.pipeline),
    "find_pipeline": lambda s: s.records.find_pipeline("1", s.project),
    "pipelines": lambda s: s.records.pipelines(s.project),
    "pipeline_changes": lambda s: s.records.pipeline_changes(s.pipeline),
    "deployments": lambda s: s.records.deployments(),
    "deployment_version": lambda s: s.records.deployment_version(s.version.id),
    "find_deployment_version": lambda s: s.records.find_deployment_version("d", s.project),
    "version_parents": lambda s: s.records.version_parents(s.project, "model"),
    "versions": lambda s: s.records.versions(s.project, "model", "m"),
    "find_version": lambda s: s.records.find_version(s.project, "model", "m", "good"),
    "executions_of_key": lambda s: s.records.executions_of_key(s.project, "key", complete=False),
    "keys_of_step": lambda s: s.records.keys_of_step(s.project, "s"),
    "silence": lambda s: s.records.silence(s.owner),
    "projects": lambda s: s.records.projects(),
    "users": lambda s: s.server.users(),
    "owners": lambda s: s.server.owners(),
    "variables": lambda s: s.server.variables(s.project),
    "packages": lambda s: s.server.packages(s.project),
    "waiting": lambda s: s.server.waiting(),
    "waiting_entry": lambda s: s.server.waiting_entry(s.execution),
}


@pytest.fixture
def scene(records, owner):
    """A process that was there before: then another localhai added a column to every table."""
    with records._database.begin(write=True) as transaction:
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
