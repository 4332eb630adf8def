"""A pipeline, run: PipelineState decides, threads run its nodes, the records remember every change.

This module and those that it uses act; they stand in the same room as the pure ones because the room as a whole lies
above executions, and below whoever calls it.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from localhai.errors import LocalhaiError
from localhai.executions.latest import creator_name
from localhai.executions.reading import recorded
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.observer import Observer
from localhai.executions.run.secrets import Masker
from localhai.executions.run.slots import Slots
from localhai.executions.run.stop import Beside, Interruption, ctrl_c_asks
from localhai.executions.run.verdict import stopwatch
from localhai.pipelines.node_execution import ExecutionRunner
from localhai.pipelines.runners import NodeWork, preflight, refuse_unknown_types
from localhai.pipelines.sources import look_at_images
from localhai.pipelines.state import Change, PipelineState
from localhai.project import parity
from localhai.system import strict_json
from localhai.vocabulary import NODE_FINAL

if TYPE_CHECKING:
    from localhai.executions.run.context import RunOptions
    from localhai.pipelines.plan import PipelinePlan
    from localhai.pipelines.results import NodeResult, NodeStart
    from localhai.pipelines.runners import Kept, Made, NodeRunner
    from localhai.pipelines.sources import Sources
    from localhai.records import Records
    from localhai.records.pipelines import Pipeline

MOST_JOBS = 4
LOOK = 0.2  # seconds between looks at signals


class PipelineObserver:
    """Hears everything about a pipeline and does nothing: subclass and override. Called from the caller's thread."""

    def started(self, pipeline: Mapping[str, Any]) -> None:
        """It has an id and a counter (its JSON shape, docs/json.md)."""

    def changed(self, change: Change) -> None:
        """A node or the pipeline has another status, or there is something to say about it."""

    def status(self, text: str) -> None:
        """A line about what localhai does."""

    def trouble(self, node: str, error: LocalhaiError) -> None:
        """What kept a node from starting."""

    def of_node(self, node: str, attempt: int, name: str | None = None) -> Observer:  # noqa: ARG002  # for subclasses
        """Who watches an execution of a node: called from a thread of its own, as all that it hears.

        `name` tells several executions of one node apart.
        """
        return Observer()


class PipelineStart(Struct, frozen=True):
    """A run of a pipeline that is asked for: what runs, and how; `options` are those of its executions.

    `jobs` limits the executions that run at a time, and the nodes; None is `usual_jobs`. `runners` are those of further
    types of nodes. `slots` is a limit that the pipeline shares with others. `images_first`: all images are there before
    it begins. `kept` is what `resuming.keep` gives, `reused` what `resuming.reuse`, `begun` what `resuming.begun`.
    """

    sources: Sources
    plan: PipelinePlan
    options: RunOptions
    jobs: int | None = None
    title: str | None = None
    tags: Sequence[str] = ()
    approve_all: bool = False
    images_first: bool = True
    runners: Mapping[str, NodeRunner] = field(default_factory=dict)
    slots: Slots | None = None
    kept: Mapping[str, Kept] = field(default_factory=dict)
    reused: Mapping[str, Kept] = field(default_factory=dict)
    begun: Mapping[str, Made] = field(default_factory=dict)


def usual_jobs() -> int:
    """How many nodes run side by side where nobody says it: as many as there are processors, at most four."""
    return min(MOST_JOBS, os.cpu_count() or 1)


def run_pipeline(
    start: PipelineStart, *, observer: PipelineObserver | None = None, interruption: Interruption | None = None
) -> Pipeline:
    """Run a pipeline to its end in this thread; gives its record, whatever its final status.

    Raises ProjectError and UsageError before anything starts, EngineNotFound when there is no engine, ImageNotFound
    with all images that cannot be had.
    """
    sources, plan, options = start.sources, start.plan, start.options
    runners = all_runners(start.runners)
    refuse_unknown_types(plan, runners)
    preflight(sources, plan, runners, secrets=tuple(options.secrets))
    home, project = sources.project.home, sources.project.record
    _ = home.engine  # whether there is one, before anything is recorded
    masker = Masker(list(options.secrets.values()))
    document = {
        "plan": plan.to_dict(),
        "tags": list(start.tags),
        "env_file": options.env_file,
        "user": creator_name(sources.project.settings, options.creator),
        **recorded(options.requester),
    }
    own = sources.snapshot().identifier
    for commit in {node.commit for node in plan.nodes}:
        sources.snapshot(commit)
    observer, interruption = observer or PipelineObserver(), interruption or Interruption()
    known_as = home.records.pipelines.coming_id()
    with at_work(known_as), ctrl_c_asks(interruption):
        if start.images_first:
            known = {*start.kept, *start.reused}
            look_at_images(sources, plan, known, policy=options.pull, say=observer.status, interruption=interruption)
        record = home.records.pipelines.create(
            project.id,
            name=plan.name,
            nodes=[(node.name, node.type) for node in plan.nodes],
            commit=own,
            document=masker.mask_value(json.loads(strict_json.dumps(document, default=str))),
            owner=home.own(),
            title=start.title or plan.name,
            known_as=known_as,
        )
        Run(start, record, observer, interruption).go(start.kept, start.reused)
    return home.records.pipelines.get(record.id)


def all_runners(further: Mapping[str, NodeRunner]) -> dict[str, NodeRunner]:
    """By type of node: that of executions and those of the caller."""
    return {"execution": ExecutionRunner(), **further}


def _wishes(records: Records, pipeline_id: str) -> tuple[bool, frozenset[str]] | None:
    """Whether it is to stop, and the nodes that are approved. None: nothing is wished."""
    found = records.pipelines.wishes(pipeline_id)
    return found if any(found) else None


class Run:
    """One run of a pipeline: `go` is its life. What went before it may be given to its attributes first."""

    def __init__(
        self, start: PipelineStart, record: Pipeline, observer: PipelineObserver, interruption: Interruption
    ) -> None:
        self.sources = start.sources
        self.plan = start.plan
        self.record = record
        self.records = start.sources.project.home.records
        self.events: queue.Queue[tuple[str, NodeResult | None, BaseException | None]] = queue.Queue()
        self._runners = all_runners(start.runners)
        self._options = replace(start.options, reuse=start.options.reuse or start.plan.reuse_executions)
        self._jobs = start.jobs or usual_jobs()
        self._tags = start.tags
        self._approves_all = start.approve_all
        self._observer = observer
        self._interruption = interruption
        self._nodes = {node.name: node for node in start.plan.nodes}
        self._threads: dict[str, threading.Thread] = {}
        self._stops: dict[str, Interruption] = {}
        self._slots = start.slots or Slots(self._jobs)
        self.begun = dict(start.begun)
        self.over: Mapping[str, Kept] = {}
        self.seen: dict[str, str] = {}  # statuses that are recorded already
        self._status = record.status
        self._seconds = stopwatch()
        self._wishes = Beside(partial(_wishes, self.records, record.id), at_once=True)

    def go(self, kept: Mapping[str, Kept], reused: Mapping[str, Kept]) -> None:
        """From `created` to a final status."""
        self._observer.started(self.record.to_dict())
        if line := parity.telling_sentence(self.plan.parity):
            self._observer.status(line)
        state = PipelineState(
            self.plan,
            {name: item.result for name, item in kept.items()},
            {name: item.result for name, item in reused.items()},
        )
        for name, item in {**kept, **reused}.items():
            if state.statuses[name] == "complete":
                self._remember(name, item.made)
        try:
            while not state.is_done:
                self._step(state)
            self._tell(state)
        except BaseException as error:
            self._close(f"localhai failed: {type(error).__name__}: {error}")
            raise

    def _step(self, state: PipelineState) -> None:
        self._look(state)
        self._tell(state)  # what ended is recorded before anything follows it
        free = self._jobs - len(state.running)
        if free > 0:
            for start in state.ready(free):
                self._start(start)
        self._tell(state)
        if not state.is_done:
            self._wait(state)

    def _start(self, start: NodeStart) -> None:
        keeps_all = self.sources.project.settings.same_names == "all"
        for note in (*start.notes, *(() if keeps_all else start.clashes)):
            self._observer.status(f"node {start.node}: {note}")
        stop = self._stops[start.node] = Interruption()
        thread = threading.Thread(target=self._work, args=(start, stop), name=f"node-{start.node}", daemon=True)
        self._threads[start.node] = thread
        thread.start()

    def _work(self, start: NodeStart, stop: Interruption) -> None:
        """In a thread of its own: whatever happens, the main thread hears of it."""
        try:
            node = self._nodes[start.node]
            work = NodeWork(
                sources=self.sources,
                node=node,
                start=start,
                options=replace(self._options, belonging=self._belonging(node.name)),
                slots=self._slots,
                interruption=stop,
                made=lambda made: self._made(node.name, made),
                watch=lambda name: self._observer.of_node(node.name, start.attempt, name),
                say=lambda text: self._observer.status(f"node {node.name}: {text}"),
                begun=self.begun.pop(node.name, None),
            )
            if node.name in self.over and start.attempt == 1:
                self.events.put((start.node, self.over[node.name].result, None))
                return
            result, trouble = self._runners[node.type].run(work)
            self.events.put((start.node, result, trouble))
        except BaseException as error:  # noqa: BLE001  # a fault of ours: raised again in the main thread
            self.events.put((start.node, None, error))

    def _made(self, name: str, made: Made) -> None:
        self._remember(name, made)
        self.events.put((name, None, None))

    def _remember(self, name: str, made: Made) -> None:
        self.records.pipelines.change_node(
            self.record.id, name, execution_id=made.execution_id, task_id=made.task_id, deployment=made.deployment
        )

    def _belonging(self, node: str) -> dict[str, Any]:
        """Keys of execution.json (platform.md 2.4). A node's id is made of the pipeline's and its name."""
        return {
            **self._options.belonging,
            "pipeline-id": self.record.id,
            "pipeline-counter": self.record.counter,
            "pipeline-node-id": str(uuid.uuid5(uuid.UUID(self.record.id), node)),
            "pipeline-title": self.record.title,
            "pipeline-tags": list(self._tags),
        }

    def _wait(self, state: PipelineState) -> None:
        """The next event, and all that came with it; or nothing for a while."""
        try:
            event = self.events.get(timeout=LOOK)
            while True:
                self._heard(state, *event)
                event = self.events.get_nowait()
        except queue.Empty:
            return

    def _heard(self, state: PipelineState, name: str, result: NodeResult | None, trouble: BaseException | None) -> None:
        if result is not None:
            self._threads.pop(name).join()
            del self._stops[name]
            if isinstance(trouble, LocalhaiError):
                self._observer.trouble(name, trouble)
            state.finished(name, result)
        elif trouble is not None:
            raise trouble
        else:
            state.started(name)

    def _look(self, state: PipelineState) -> None:
        """What signals and other processes want."""
        if self._interruption.asked:
            state.stop("interrupted")
        wants_stop, approved = self._wishes.look() or (False, frozenset())
        if wants_stop:
            state.stop("stopped by request")
        for name in approved.intersection(state.awaiting_approval):
            state.approved(name)
        if self._approves_all:
            for name in state.awaiting_approval:
                self._observer.status(f"node {name}: approved by --approve-all")
                state.approved(name)
        for name in state.to_stop:
            wanted = max(1, self._interruption.level)
            while self._stops[name].level < wanted:
                self._stops[name].ask()

    def _tell(self, state: PipelineState) -> None:
        """Record and say what changed."""
        if self._status == "created":
            self._change("started", None)
        for change in state.drain():
            if change.node is not None and change.status is not None and not self._is_recorded(change):
                self.records.pipelines.change_node(
                    self.record.id, change.node, status=change.status, reason=change.reason
                )
            self._observer.changed(change)
        if state.status != self._status:
            self._change(state.status, state.reason)

    def _is_recorded(self, change: Change) -> bool:
        """Of a pipeline that goes on: nodes do not seem to start anew."""
        seen = self.seen.get(str(change.node), "created")
        if seen == "created":
            return False
        if change.status == seen:
            del self.seen[str(change.node)]
            return True
        return change.status not in NODE_FINAL

    def _change(self, status: str, reason: str | None) -> None:
        self._status = status
        self.records.pipelines.change(
            self.record.id, status, reason=reason, duration=self._took() if status in NODE_FINAL else None
        )
        self._observer.changed(Change(None, status, reason))

    def _close(self, reason: str) -> None:
        """A fault of ours: stop what runs, then close the record."""
        for stop in self._stops.values():
            stop.ask()
        for thread in self._threads.values():
            thread.join()
        self.records.pipelines.change(self.record.id, "crashed", reason=reason, duration=self._took())

    def _took(self) -> float | None:
        """Of one that goes on after a crash only the clock knows what went before."""
        return None if self.record.started is not None else self._seconds()
