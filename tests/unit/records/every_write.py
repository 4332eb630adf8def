"""Records with one of everything, and every write to them: for tests that hold something of all of them."""

from __future__ import annotations

from msgspec.structs import replace

from localhai.records import DatumRecord
from localhai.records.packages import Package
from localhai.records.queue import QueueEntry
from localhai.records.variables import Variable
from localhai.records.versions import VersionRequest

TIME = "2026-01-01T00:00:00.000000Z"
DATUM = "00000000-0000-7000-8000-00000000000d"
OTHER = "00000000-0000-7000-8000-00000000000e"


def datum(key=DATUM):
    return DatumRecord(key, "model.bin", 1, TIME, "/store/1", "m", "s", "s", tags=("t",))


class Scene:
    """Records with one of everything."""

    def __init__(self, records, owner):
        self.records, self.owner = records, owner
        self.database = records.access.database
        self.later = replace(owner, pid=owner.pid + 1)
        self.user = self.records.users.put("ada", "token").id
        self.project = records.projects.of_folder("/p", "p").id
        self.execution = self.run()
        records.data.add(self.execution, [datum()])
        records.aliases.point(self.project, "best", DATUM)
        records.reuse.remember_key(self.execution, "key", {})
        self.task = records.tasks.create(
            self.project, name="t", step="s", type="grid", commit=None, document={}, owner=owner
        ).id
        self.pipeline = records.pipelines.create(
            self.project, name="p", nodes=[("a", "execution")], commit=None, document={}, owner=owner
        ).id
        self.version = records.deployments.create_version(
            self.project, deployment="d", commit="c", endpoints=[("greet", {})]
        )
        self.model = records.versions.make(self.project, self.request("model"))
        self.records.variables.set(self.project, Variable("A", "1", secret=False))
        self.enqueue(self.execution)

    def recorded(self):
        return self.records.executions.create(
            self.project, step="s", image="i", commit=None, document={}, owner=self.owner
        ).id

    def run(self):
        made = self.recorded()
        self.records.executions.transition(made, "queued")
        return self.records.executions.transition(made, "started").id

    def request(self, noun):
        return VersionRequest(OTHER, noun, "m", "v1", (DATUM,), aliases=("good",))

    def enqueue(self, key):
        self.records.queue.enqueue(QueueEntry(key, self.project, self.user, 0, {}))

    def done(self):
        self.records.executions.transition(self.execution, "complete")
        return self.execution

    def ended_task(self):
        self.records.tasks.close(self.task, "error")
        return self.task

    def held(self):
        self.records.deployments.hold_endpoint(self.version.id, "greet", "starting", self.owner)
        return self.version.id

    def seen(self):
        self.records.processes.give_up(self.owner)
        return self.owner


# By the name of the method; behind a colon which of its ways. The first function prepares, the second is the write.
WRITES = {
    "executions.create": (
        None,
        lambda s, _: s.records.executions.create(
            s.project, step="s", image="i", commit=None, document={}, owner=None, tags=["a"]
        ),
    ),
    "executions.transition": (
        None,
        lambda s, _: s.records.executions.transition(s.execution, "complete", exit_code=0, tags=["b"]),
    ),
    "executions.update": (None, lambda s, _: s.records.executions.update(s.execution, title="new", more=1)),
    "executions.request_stop": (None, lambda s, _: s.records.executions.request_stop(s.execution)),
    "executions.adopt": (None, lambda s, _: s.records.executions.adopt(s.execution, s.owner, s.later)),
    "executions.adopt:nobody": (None, lambda s, _: s.records.executions.adopt(s.execution, s.owner, None)),
    "executions.adopt:lost": (None, lambda s, _: s.records.executions.adopt(s.execution, s.later, s.owner)),
    "executions.delete": (Scene.done, lambda s, key: s.records.executions.delete(key)),
    "data.add": (None, lambda s, _: s.records.data.add(s.execution, [datum(OTHER)])),
    "data.add_upload": (None, lambda s, _: s.records.data.add_upload(s.project, datum(OTHER))),
    "data.tag": (None, lambda s, _: s.records.data.tag(DATUM, ["x", "y"])),
    "data.purge": (None, lambda s, _: s.records.data.purge([DATUM])),
    "aliases.point": (None, lambda s, _: s.records.aliases.point(s.project, "new", DATUM)),
    "aliases.delete": (None, lambda s, _: s.records.aliases.delete(s.project, "best")),
    "aliases.delete:none": (None, lambda s, _: s.records.aliases.delete(s.project, "none")),
    "uses.record_inputs": (
        None,
        lambda s, _: s.records.uses.record_inputs(s.execution, [{"name": "i", "files": [{"uri": f"datum://{DATUM}"}]}]),
    ),
    "executions.add_outputs": (
        None,
        lambda s, _: s.records.executions.add_outputs(
            s.execution, [datum(OTHER)], {"best": OTHER}, [s.request("dataset")]
        ),
    ),
    "versions.put_parent": (None, lambda s, _: s.records.versions.put_parent(s.project, "dataset", "d").name),
    "versions.make": (None, lambda s, _: s.records.versions.make(s.project, s.request("dataset"))),
    "versions.set_status": (None, lambda s, _: s.records.versions.set_status(s.model, "approved")),
    "tasks.create": (
        None,
        lambda s, _: s.records.tasks.create(
            s.project, name="t", step="s", type="grid", commit=None, document={}, owner=s.owner
        ),
    ),
    "tasks.close": (None, lambda s, _: s.records.tasks.close(s.task, "error", error="why")),
    "tasks.close_left": (None, lambda s, _: s.records.tasks.close_left(s.task, s.owner, error="why")),
    "tasks.close_left:lost": (None, lambda s, _: s.records.tasks.close_left(s.task, s.later, error="why")),
    "tasks.resume": (Scene.ended_task, lambda s, key: s.records.tasks.resume(key, s.later)),
    "tasks.resume:lost": (None, lambda s, _: s.records.tasks.resume(s.task, s.later)),
    "tasks.request_stop": (None, lambda s, _: s.records.tasks.request_stop(s.task)),
    "tasks.add_child": (None, lambda s, _: s.records.tasks.add_child(s.task, 0, s.execution)),
    "pipelines.create": (
        None,
        lambda s, _: s.records.pipelines.create(
            s.project, name="p", nodes=[("a", "execution")], commit=None, document={}, owner=s.owner
        ),
    ),
    "pipelines.change": (None, lambda s, _: s.records.pipelines.change(s.pipeline, "started")),
    "pipelines.change:owner": (
        None,
        lambda s, _: s.records.pipelines.change(s.pipeline, "crashed", reason="why", expected_owner=s.owner),
    ),
    "pipelines.change:lost": (
        None,
        lambda s, _: s.records.pipelines.change(s.pipeline, "crashed", reason="why", expected_owner=s.later),
    ),
    "pipelines.change_node": (
        None,
        lambda s, _: s.records.pipelines.change_node(s.pipeline, "a", status="started", execution_id=s.execution),
    ),
    "pipelines.approve_node": (None, lambda s, _: s.records.pipelines.approve_node(s.pipeline, "a")),
    "pipelines.request_stop": (None, lambda s, _: s.records.pipelines.request_stop(s.pipeline)),
    "deployments.create_version": (
        None,
        lambda s, _: s.records.deployments.create_version(
            s.project, deployment="d", commit="c", endpoints=[("greet", {})], aliases=["a"]
        ),
    ),
    "deployments.put": (None, lambda s, _: s.records.deployments.put(s.project, "other").name),
    "deployments.change_version": (None, lambda s, _: s.records.deployments.change_version(s.version.id, enabled=True)),
    "deployments.point_alias": (None, lambda s, _: s.records.deployments.point_alias(s.version, "a")),
    "deployments.hold_endpoint": (
        None,
        lambda s, _: s.records.deployments.hold_endpoint(s.version.id, "greet", "starting", s.owner),
    ),
    "deployments.hold_endpoint:lost": (
        Scene.held,
        lambda s, key: s.records.deployments.hold_endpoint(key, "greet", "building", s.later),
    ),
    "deployments.change_endpoint": (
        Scene.held,
        lambda s, key: s.records.deployments.change_endpoint(key, "greet", status="serving"),
    ),
    "deployments.change_endpoint:owner": (
        Scene.held,
        lambda s, key: s.records.deployments.change_endpoint(key, "greet", status="crashed", expected_owner=s.owner),
    ),
    "deployments.change_endpoint:lost": (
        Scene.held,
        lambda s, key: s.records.deployments.change_endpoint(key, "greet", status="crashed", expected_owner=s.later),
    ),
    "deployments.request_endpoint_stop": (
        Scene.held,
        lambda s, key: s.records.deployments.request_endpoint_stop(key, "greet"),
    ),
    "processes.give_up": (None, lambda s, _: s.records.processes.give_up(s.owner)),
    "processes.forget": (Scene.seen, lambda s, owner: s.records.processes.forget(owner)),
    "projects.of_folder": (None, lambda s, _: s.records.projects.of_folder("/q", "q")),
    "projects.join": (
        lambda s: (
            s.records.executions.transition(s.execution, "complete") and s.records.projects.of_folder("/old", "old")
        ),
        lambda s, old: s.records.projects.join(old, s.records.projects.of_folder("/p", "p")),
    ),
    "reuse.remember_key": (None, lambda s, _: s.records.reuse.remember_key(s.execution, "other", {})),
    "reuse.remember_outputs": (None, lambda s, _: s.records.reuse.remember_outputs(s.execution, {DATUM: [1, 2]})),
    "sessions.open": (None, lambda s, _: s.records.sessions.open(s.user, "another code")),
    "sessions.exchange": (
        lambda s: s.records.sessions.open(s.user, "code"),
        lambda s, _: s.records.sessions.exchange("code", "page token"),
    ),
    "sessions.prolong": (
        lambda s: s.records.sessions.open(s.user, "code").id,
        lambda s, key: s.records.sessions.prolong(key),
    ),
    "sessions.revoke": (
        lambda s: s.records.sessions.open(s.user, "code").id,
        lambda s, key: s.records.sessions.revoke(key),
    ),
    "sessions.revoke_all": (
        lambda s: s.records.sessions.open(s.user, "code"),
        lambda s, _: s.records.sessions.revoke_all(s.user),
    ),
    "queue.enqueue": (Scene.run, lambda s, key: s.enqueue(key)),
    "queue.let_wait": (
        Scene.recorded,
        lambda s, key: s.records.queue.let_wait(QueueEntry(key, s.project, s.user, 0, {})),
    ),
    "queue.tidy": (Scene.done, lambda s, _: s.records.queue.tidy()),
    "pipelines.adopt": (None, lambda s, _: s.records.pipelines.adopt(s.pipeline, s.owner, s.later)),
    "tasks.adopt": (None, lambda s, _: s.records.tasks.adopt(s.task, s.owner, s.later)),
    "tasks.adopt:ended": (
        Scene.ended_task,
        lambda s, key: s.records.tasks.adopt(key, s.owner, s.later),
    ),
    "tasks.adopt:lost": (None, lambda s, _: s.records.tasks.adopt(s.task, s.later, s.later)),
    "queue.dequeue": (None, lambda s, _: s.records.queue.dequeue(s.execution)),
    "users.put": (None, lambda s, _: s.records.users.put("bob", "other")),
    "projects.put": (None, lambda s, _: s.records.projects.put(OTHER, "/o", "o")),
    "users.own": (None, lambda s, _: s.records.users.own(s.project, s.user, "mine")),
    "variables.set": (None, lambda s, _: s.records.variables.set(s.project, Variable("B", "2", secret=True))),
    "variables.delete": (None, lambda s, _: s.records.variables.delete(s.project, "A")),
    "variables.delete:none": (None, lambda s, _: s.records.variables.delete(s.project, "NONE")),
    "packages.put": (None, lambda s, _: s.records.packages.put(Package(s.project, "~1", "valohai.yaml", "", 1, TIME))),
}
