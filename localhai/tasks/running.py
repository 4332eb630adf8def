"""A task on its way: threads that ask the sweep what comes next and run it, until it is over or stopped."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from localhai.errors import Interrupted, LocalhaiError, NotReused, SurroundingsError
from localhai.executions.run.group import Group
from localhai.executions.run.observer import Observer
from localhai.executions.run.runner import ExecutionStart, run
from localhai.executions.run.stop import Beside, Interruption

if TYPE_CHECKING:
    from localhai.executions.execution import Execution
    from localhai.executions.log.log import EventStream
    from localhai.executions.project_context import ProjectContext
    from localhai.executions.run.context import RunOptions
    from localhai.executions.run.slots import Slots
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot
    from localhai.records.tasks import TaskRecord
    from localhai.tasks.sweep import Child, Sweep

LOOK = 0.3  # seconds between looks at who wants the task to stop


class TaskObserver:
    """Hears how a task goes: subclass and override. Called from several threads, never at once."""

    def started(self, task: Mapping[str, Any]) -> None:
        """It has an id and a counter (its JSON shape)."""

    def child(self, child: Child) -> Observer:  # noqa: ARG002  # for subclasses
        """Who watches an execution that is about to begin."""
        return Observer()

    def ended(self, child: Child, status: str, execution: Mapping[str, Any] | None) -> None:
        """An execution has ended (JSON shape; None when it never was)."""

    def said(self, text: str) -> None:
        """A line about the task as a whole."""


class Start(Struct):
    """One start of a task: what all its executions share. `planned` makes a plan from the parameters that vary.

    `slots` is a limit that it shares with others, beside its own.
    """

    project: ProjectContext
    record: TaskRecord
    snapshot: Snapshot
    planned: Callable[[Mapping[str, Any]], ExecutionPlan]
    options: RunOptions
    observer: TaskObserver = field(default_factory=TaskObserver)
    interruption: Interruption = field(default_factory=Interruption)
    slots: Slots | None = None


class Running:
    """Runs what a sweep decides, `jobs` executions at a time. Blocks until the sweep is over."""

    def __init__(self, start: Start, sweep: Sweep, jobs: int) -> None:
        self._start = start
        self._group = _group(start, sweep)
        self._sweep = sweep
        self._jobs = jobs
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._children = Interruption()
        self._left = jobs
        records, wanted = start.project.home.records, start.record.id
        self._wish = Beside(lambda: records.tasks.stop_requested(wanted), told=self._wake, seconds=LOOK, at_once=True)
        self.watches_metadata = bool(sweep.plan.stop_condition)
        self.trouble: BaseException | None = None

    def run(self) -> None:
        """To the end. What kept executions from starting is in `trouble`."""
        try:
            with self._slots(self._sweep.plan.count if self._group is not None else 0, self._wants_stop):
                self._run_all()
        except Interrupted:  # before any began; the sweep has been told
            return

    def _run_all(self) -> None:
        threads = [threading.Thread(target=self._work, name=f"localhai-task-{number}") for number in range(self._jobs)]
        for thread in threads:
            thread.start()
        try:
            with self._changed:
                while self._left:
                    self._look()
                    self._changed.wait(LOOK)
        finally:
            for thread in threads:
                thread.join()
            for problem in self._group.close() if self._group is not None else ():
                self._say(problem)

    def _slots(self, count: int, given_up: Callable[[], bool]) -> contextlib.AbstractContextManager[None]:
        """Of the shared limit. Members of a distributed task need one another: they take theirs together, before."""
        slots = self._start.slots
        return contextlib.nullcontext() if slots is None or not count else slots.taken(count, given_up=given_up)

    def _wants_stop(self) -> bool:
        with self._changed:
            self._look()
            return self._sweep.stopping

    def _look(self) -> None:
        """Whoever wants the task to stop is heard, and its executions are told."""
        start, sweep = self._start, self._sweep
        if start.interruption.asked:
            sweep.stop("it was interrupted")
        elif not sweep.stopping and self._wish.look():
            sweep.stop("it was asked to stop")
        wanted = max(int(sweep.stopping), start.interruption.level)
        while self._children.level < wanted:
            self._children.ask()
            self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            while (child := self._take()) is not None:
                self._execute(child)
        except BaseException as error:  # noqa: BLE001  # a fault of ours, raised by whoever waits for the threads
            self._fail(error)
        finally:
            with self._changed:
                self._left -= 1
                self._changed.notify_all()

    def _take(self) -> Child | None:
        """The next execution, waited for while others may bring it; None when there is none any more."""
        with self._changed:
            while True:
                child = self._sweep.next()
                if child is not None or self._sweep.over or self._sweep.stopping:
                    return child
                self._changed.wait()

    def _execute(self, child: Child) -> None:
        start = self._start
        watcher = _Watcher(self, child, start.observer.child(child))
        status, metadata = "error", {}
        try:
            with self._slots(1 if self._group is None else 0, self._children.is_asked):
                execution = self._run(child, watcher)
            status, metadata = execution.status, execution.to_dict()["metadata"]
            watcher.execution = execution.to_dict()
        except Interrupted:
            status = "stopped"
        except (SurroundingsError, NotReused) as error:  # the others would miss the same
            self._fail(error)
        except LocalhaiError as error:
            self._say(f"execution {child.number + 1} could not start: {error.message}")
        finally:
            self._ended(child, status, metadata, watcher.execution)

    def _run(self, child: Child, watcher: Observer) -> Execution:
        start = self._start
        try:
            plan = start.planned(child.parameters)
            return run(
                ExecutionStart(start.project, plan, start.snapshot, self._options(child)),
                observer=watcher,
                interruption=self._children,
            )
        finally:
            if self._group is not None:
                self._group.leave(child.number)

    def _options(self, child: Child) -> RunOptions:
        options = self._start.options
        return options if self._group is None else replace(options, member=self._group.member(child.number))

    def _ended(self, child: Child, status: str, metadata: Mapping[str, Any], execution: Any) -> None:
        with self._changed:
            self._sweep.ended(child.number, status, metadata)
            self._start.observer.ended(child, status, execution)
            self._look()
            self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self.trouble = self.trouble or error
            self._sweep.fail(getattr(error, "message", None) or f"localhai failed: {type(error).__name__}: {error}")
            self._changed.notify_all()

    def _say(self, text: str) -> None:
        with self._lock:
            self._start.observer.said(text)

    def began(self, child: Child, execution: Mapping[str, Any]) -> None:
        """An execution is recorded: it is the task's from now on."""
        self._start.project.home.records.tasks.add_child(self._start.record.id, child.number, execution["id"])

    def heard(self, child: Child, objects: Sequence[Mapping[str, Any]]) -> None:
        """Metadata of a running execution."""
        with self._changed:
            self._sweep.heard(child.number, objects)
            if self._sweep.stopping:
                self._changed.notify_all()


def _group(start: Start, sweep: Sweep) -> Group | None:
    if sweep.plan.type != "distributed":
        return None
    return Group(start.project.home.engine, task_id=start.record.id, size=sweep.plan.count)


class _Watcher(Observer):
    """Stands between an execution and whoever watches it, for the task to hear too."""

    def __init__(self, running: Running, child: Child, inner: Observer) -> None:
        self._running = running
        self._child = child
        self._inner = inner
        self.execution: Mapping[str, Any] | None = None
        self.watches_metadata = running.watches_metadata or inner.watches_metadata

    def started(self, execution: Mapping[str, Any]) -> None:
        self.execution = execution
        self._running.began(self._child, execution)
        self._inner.started(execution)

    def status(self, text: str) -> None:
        self._inner.status(text)

    def output(self, stream: EventStream, data: bytes) -> None:
        self._inner.output(stream, data)

    def metadata(self, objects: Sequence[Mapping[str, Any]]) -> None:
        self._running.heard(self._child, objects)
        if self._inner.watches_metadata:
            self._inner.metadata(objects)

    def progress(self, what: str, name: str, done: int, total: int | None) -> None:
        self._inner.progress(what, name, done, total)

    def finished(self, execution: Mapping[str, Any]) -> None:
        self.execution = execution
        self._inner.finished(execution)
