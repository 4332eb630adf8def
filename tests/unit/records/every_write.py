"""Records with one of everything, and every write to them: for tests that hold something of all of them."""

from __future__ import annotations

from msgspec.structs import replace

from localhai.records import DatumRecord
from localhai.records.queue import QueueEntry
from localhai.records.server import Package, ServerRecords, Variable
from localhai.records.version_rows import VersionRequest

TIME = "2026-01-01T00:00:00.000000Z"
DATUM = "00000000-0000-7000-8000-00000000000d"
OTHER = "00000000-0000-7000-8000-00000000000e"


def datum(key=DATUM):
    return DatumRecord(key, "model.bin", 1, TIME, "/store/1", "m", "s", "s", tags=("t",))


class Scene:
    """Records with one of everything."""

    def __init__(self, records, owner):
        self.records, self.owner = records, owner
        self.database = records._database
        self.server = ServerRecords.beside(records)
        self.later = replace(owner, pid=owner.pid + 1)
        self.user = self.server.put_user("ada", "token").id
        self.project = records.project("/p", "p").id
        self.execution = self.run()
        records.add_data(self.execution, [datum()])
        records.set_alias(self.project, "best", DATUM)
        records.remember_key(self.execution, "key", {})
        self.task = records.create_task(
            self.project, name="t", step="s", type="grid", commit=None, document={}, owner=owner
        ).id
        self.pipeline = records.create_pipeline(
            self.project, name="p", nodes=[("a", "execution")], commit=None, document={}, owner=owner
        ).id
        self.version = records.create_deployment_version(
            self.project, deployment="d", commit="c", endpoints=[("greet", {})]
        )
        self.model = records.make_version(self.project, self.request("model"))
        self.server.set_variable(self.project, Variable("A", "1", secret=False))
        self.enqueue(self.execution)

    def recorded(self):
        return self.records.create_execution(
            self.project, step="s", image="i", commit=None, document={}, owner=self.owner
        ).id

    def run(self):
        made = self.recorded()
        self.records.transition(made, "queued")
        return self.records.transition(made, "started").id

    def request(self, noun):
        return VersionRequest(OTHER, noun, "m", "v1", (DATUM,), aliases=("good",))

    def enqueue(self, key):
        self.server.enqueue(QueueEntry(key, self.project, self.user, 0, {}))

    def done(self):
        self.records.transition(self.execution, "complete")
        return self.execution

    def ended_task(self):
        self.records.close_task(self.task, "error")
        return self.task

    def held(self):
        self.records.hold_endpoint(self.version.id, "greet", "starting", self.owner)
        return self.version.id

    def seen(self):
        self.records.give_up(self.owner)
        return self.owner


# By the name of the method; behind a colon which of its ways. The first function prepares, the second is the write.
WRITES = {
    "create_execution": (
        None,
        lambda s, _: s.records.create_execution(
            s.project, step="s", image="i", commit=None, document={}, owner=None, tags=["a"]
        ),
    ),
    "transition": (None, lambda s, _: s.records.transition(s.execution, "complete", exit_code=0, tags=["b"])),
    "update": (None, lambda s, _: s.records.update(s.execution, title="new", more=1)),
    "request_stop": (None, lambda s, _: s.records.request_stop(s.execution)),
    "adopt": (None, lambda s, _: s.records.adopt(s.execution, s.owner, s.later)),
    "adopt:nobody": (None, lambda s, _: s.records.adopt(s.execution, s.owner, None)),
    "adopt:lost": (None, lambda s, _: s.records.adopt(s.execution, s.later, s.owner)),
    "delete_execution": (Scene.done, lambda s, key: s.records.delete_execution(key)),
    "add_data": (None, lambda s, _: s.records.add_data(s.execution, [datum(OTHER)])),
    "add_upload": (None, lambda s, _: s.records.add_upload(s.project, datum(OTHER))),
    "tag_datum": (None, lambda s, _: s.records.tag_datum(DATUM, ["x", "y"])),
    "purge_data": (None, lambda s, _: s.records.purge_data([DATUM])),
    "set_alias": (None, lambda s, _: s.records.set_alias(s.project, "new", DATUM)),
    "delete_alias": (None, lambda s, _: s.records.delete_alias(s.project, "best")),
    "delete_alias:none": (None, lambda s, _: s.records.delete_alias(s.project, "none")),
    "record_inputs": (
        None,
        lambda s, _: s.records.record_inputs(s.execution, [{"name": "i", "files": [{"uri": f"datum://{DATUM}"}]}]),
    ),
    "add_outputs": (
        None,
        lambda s, _: s.records.add_outputs(s.execution, [datum(OTHER)], {"best": OTHER}, [s.request("dataset")]),
    ),
    "put_version_parent": (None, lambda s, _: s.records.put_version_parent(s.project, "dataset", "d").name),
    "make_version": (None, lambda s, _: s.records.make_version(s.project, s.request("dataset"))),
    "set_version_status": (None, lambda s, _: s.records.set_version_status(s.model, "approved")),
    "create_task": (
        None,
        lambda s, _: s.records.create_task(
            s.project, name="t", step="s", type="grid", commit=None, document={}, owner=s.owner
        ),
    ),
    "close_task": (None, lambda s, _: s.records.close_task(s.task, "error", error="why")),
    "close_left_task": (None, lambda s, _: s.records.close_left_task(s.task, s.owner, error="why")),
    "close_left_task:lost": (None, lambda s, _: s.records.close_left_task(s.task, s.later, error="why")),
    "resume_task": (Scene.ended_task, lambda s, key: s.records.resume_task(key, s.later)),
    "resume_task:lost": (None, lambda s, _: s.records.resume_task(s.task, s.later)),
    "request_task_stop": (None, lambda s, _: s.records.request_task_stop(s.task)),
    "add_child": (None, lambda s, _: s.records.add_child(s.task, 0, s.execution)),
    "create_pipeline": (
        None,
        lambda s, _: s.records.create_pipeline(
            s.project, name="p", nodes=[("a", "execution")], commit=None, document={}, owner=s.owner
        ),
    ),
    "change_pipeline": (None, lambda s, _: s.records.change_pipeline(s.pipeline, "started")),
    "change_pipeline:owner": (
        None,
        lambda s, _: s.records.change_pipeline(s.pipeline, "crashed", reason="why", expected_owner=s.owner),
    ),
    "change_pipeline:lost": (
        None,
        lambda s, _: s.records.change_pipeline(s.pipeline, "crashed", reason="why", expected_owner=s.later),
    ),
    "change_node": (
        None,
        lambda s, _: s.records.change_node(s.pipeline, "a", status="started", execution_id=s.execution),
    ),
    "approve_node": (None, lambda s, _: s.records.approve_node(s.pipeline, "a")),
    "request_pipeline_stop": (None, lambda s, _: s.records.request_pipeline_stop(s.pipeline)),
    "create_deployment_version": (
        None,
        lambda s, _: s.records.create_deployment_version(
            s.project, deployment="d", commit="c", endpoints=[("greet", {})], aliases=["a"]
        ),
    ),
    "put_deployment": (None, lambda s, _: s.records.put_deployment(s.project, "other").name),
    "change_deployment_version": (None, lambda s, _: s.records.change_deployment_version(s.version.id, enabled=True)),
    "point_deployment_alias": (None, lambda s, _: s.records.point_deployment_alias(s.version, "a")),
    "hold_endpoint": (None, lambda s, _: s.records.hold_endpoint(s.version.id, "greet", "starting", s.owner)),
    "hold_endpoint:lost": (Scene.held, lambda s, key: s.records.hold_endpoint(key, "greet", "building", s.later)),
    "change_endpoint": (Scene.held, lambda s, key: s.records.change_endpoint(key, "greet", status="serving")),
    "change_endpoint:owner": (
        Scene.held,
        lambda s, key: s.records.change_endpoint(key, "greet", status="crashed", expected_owner=s.owner),
    ),
    "change_endpoint:lost": (
        Scene.held,
        lambda s, key: s.records.change_endpoint(key, "greet", status="crashed", expected_owner=s.later),
    ),
    "request_endpoint_stop": (Scene.held, lambda s, key: s.records.request_endpoint_stop(key, "greet")),
    "give_up": (None, lambda s, _: s.records.give_up(s.owner)),
    "forget_process": (Scene.seen, lambda s, owner: s.records.forget_process(owner)),
    "project": (None, lambda s, _: s.records.project("/q", "q")),
    "join_projects": (
        lambda s: s.records.transition(s.execution, "complete") and s.records.project("/old", "old"),
        lambda s, old: s.records.join_projects(old, s.records.project("/p", "p")),
    ),
    "remember_key": (None, lambda s, _: s.records.remember_key(s.execution, "other", {})),
    "remember_outputs": (None, lambda s, _: s.records.remember_outputs(s.execution, {DATUM: [1, 2]})),
    "enqueue": (Scene.run, lambda s, key: s.enqueue(key)),
    "let_wait": (Scene.recorded, lambda s, key: s.server.let_wait(QueueEntry(key, s.project, s.user, 0, {}))),
    "tidy_queue": (Scene.done, lambda s, _: s.server.tidy_queue()),
    "take_over": (None, lambda s, _: s.server.take_over("pipeline", s.pipeline, s.owner, s.later)),
    "take_over:task": (None, lambda s, _: s.server.take_over("task", s.task, s.owner, s.later)),
    "take_over:ended": (Scene.ended_task, lambda s, key: s.server.take_over("task", key, s.owner, s.later)),
    "take_over:lost": (None, lambda s, _: s.server.take_over("task", s.task, s.later, s.later)),
    "dequeue": (None, lambda s, _: s.server.dequeue(s.execution)),
    "put_user": (None, lambda s, _: s.server.put_user("bob", "other")),
    "put_project": (None, lambda s, _: s.server.put_project(OTHER, "/o", "o")),
    "own": (None, lambda s, _: s.server.own(s.project, s.user, "mine")),
    "set_variable": (None, lambda s, _: s.server.set_variable(s.project, Variable("B", "2", secret=True))),
    "delete_variable": (None, lambda s, _: s.server.delete_variable(s.project, "A")),
    "delete_variable:none": (None, lambda s, _: s.server.delete_variable(s.project, "NONE")),
    "put_package": (None, lambda s, _: s.server.put_package(Package(s.project, "~1", "valohai.yaml", "", 1, TIME))),
}
