"""Tasks of a project: started, resumed, looked at. The Python face of `localhai task`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins
from msgspec.structs import replace

from localhai.errors import UsageError
from localhai.executions.datums import Addresses
from localhai.executions.latest import creator_name
from localhai.executions.reading import access_of, recorded, requester_of
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.secrets import Masker
from localhai.executions.run.stop import ctrl_c_asks
from localhai.executions.run.verdict import stopwatch
from localhai.project.overrides import Overrides
from localhai.system import strict_json
from localhai.tasks import comparison, rules
from localhai.tasks.building import check, require_runnable
from localhai.tasks.plan import TaskPlan
from localhai.tasks.running import Running, Start, TaskObserver
from localhai.tasks.sweep import Ended, ParameterSets, Sweep
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from localhai.executions.home import Home
    from localhai.executions.open_project import OpenProject
    from localhai.executions.run.context import RunOptions
    from localhai.executions.run.slots import Slots
    from localhai.executions.run.stop import Interruption
    from localhai.project.config import ProjectConfig
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot
    from localhai.records.tasks import TaskRecord

__all__ = ["Task", "check_task", "require_runnable", "resume_task", "start_task"]


class Task:
    """One task as it was when it was looked up."""

    def __init__(self, home: Home, record: TaskRecord) -> None:
        self._home = home
        self.record = record

    @property
    def plan(self) -> TaskPlan:
        """What it was to be."""
        return strict_json.convert(self.record.document["plan"], TaskPlan)

    @property
    def overrides(self) -> Overrides:
        """What all its executions change of the step."""
        return strict_json.convert(self.record.document["overrides"], Overrides)

    def is_of(self, plan: TaskPlan, overrides: Overrides, options: RunOptions) -> bool:
        """Whether one of this plan and these overrides would make the same executions, so that it can be resumed."""
        document = self.record.document
        wanted, known = json.loads(strict_json.dumps(plan.to_dict())), dict(document["plan"])
        aside = {"notes": None, "parity": None}
        return {**wanted, **aside} == {**known, **aside} and to_builtins(self.overrides) == _given(overrides, options)

    def rows(self) -> list[dict[str, Any]]:
        """The table of parameters against final metadata, best first when the target is known (`comparison.row`)."""
        plan = self.plan
        children = self._home.records.tasks.children(self.record.id)
        rows = [comparison.row(number, item.to_dict(), plan.names) for number, item in children]
        return comparison.best_first(rows, plan.target) if plan.target else rows

    def summary(self) -> dict[str, Any]:
        """The JSON shape of a task in a list: its facts, `count` of planned executions, `statuses` of those made."""
        statuses = self._home.records.tasks.counts(self.record.id)
        return {**self.record.to_dict(), "count": self.record.document["plan"]["count"], "statuses": statuses}

    def to_dict(self) -> dict[str, Any]:
        """`summary` with `plan`, `executions`: `rows`, and `best`: the number of the one nearest to the target."""
        plan, rows = self.plan, self.rows()
        nearest = rules.best(rows, plan.target)
        best = None if nearest is None else nearest["number"]
        shown = {key: value for key, value in plan.to_dict().items() if key != "parity"}  # a task has it itself
        return {**self.summary(), "plan": shown, "best": best, "executions": rows}


def check_task(
    project: OpenProject, plan: TaskPlan, *, config: ProjectConfig, overrides: Overrides, options: RunOptions
) -> None:
    """Raises ProjectError and UsageError as `start_task` does before anything starts."""
    check(plan, _planner(project, plan, config, None, overrides, options))


def start_task(
    project: OpenProject,
    plan: TaskPlan,
    *,
    config: ProjectConfig,
    snapshot: Snapshot,
    overrides: Overrides,
    options: RunOptions,
    jobs: int = 1,
    slots: Slots | None = None,
    observer: TaskObserver | None = None,
    interruption: Interruption | None = None,
) -> Task:
    """Run a task to its end; gives it in its final state, whatever that is.

    A task node of a pipeline needs its `record.status` and, for its edges, the executions with their outputs: those of
    `home.records.task_children(task.record.id)`. A distributed task starts all members at once, whatever `jobs` says.
    Aliases of data are resolved here, and mean the same for all executions (platform.md 4.1).

    Raises ProjectError and UsageError before anything starts for values that the step does not take, and
    SurroundingsError, after the task was closed as `error`, for what kept executions from starting.
    """
    planned = _planner(project, plan, config, snapshot, overrides, options)
    check(plan, planned)
    project.home.engine.info()
    readable = access_of(project.home, options.requester).projects
    addresses = Addresses(project.home.records, project.record.id, readable=readable)
    _, resolved = addresses.freeze(planned(ParameterSets(plan)[0]), project.settings.inputs)
    known_as = project.home.records.tasks.coming_id()
    with at_work(known_as):
        record = project.home.records.tasks.create(
            project.record.id,
            name=plan.name,
            step=plan.step,
            type=plan.type,
            commit=snapshot.identifier,
            document={
                "plan": plan.to_dict(),
                "overrides": _given(overrides, options),
                "env_file": options.env_file,
                "user": creator_name(project.settings),
                "reuse": options.reuse,
                "resolved": [resolution.to_dict() for resolution in resolved],
                **recorded(options.requester),
            },
            owner=project.home.own(),
            known_as=known_as,
        )
        start = Start(project, record, snapshot, planned, _belonging(options, record), slots=slots)
        return _finish(_with_people(start, observer, interruption), Sweep(plan), jobs, measured=True)


def resume_task(
    project: OpenProject,
    task: Task,
    *,
    config: ProjectConfig,
    snapshot: Snapshot,
    options: RunOptions,
    failed: bool = False,
    owned: bool = False,
    jobs: int = 1,
    slots: Slots | None = None,
    observer: TaskObserver | None = None,
    interruption: Interruption | None = None,
) -> Task:
    """Make the executions that are missing, and again those that were stopped or crashed; `failed`: errors too.

    Those that stay stay as they are. `owned`: it never ended, and the caller has become its owner.
    Raises UsageError for a task that runs, otherwise as `start_task`.
    """
    plan, overrides = task.plan, task.overrides
    planned = _planner(project, plan, config, snapshot, overrides, options)
    check(plan, planned)
    project.home.engine.info()
    _require_ended(project.home, task)
    with at_work(task.record.id):
        if not owned and not project.home.records.tasks.resume(task.record.id, project.home.own(at_once=True)):
            raise UsageError(f"task #{task.record.counter} runs: only one that has ended can be resumed")
        keep = rules.kept(plan, task.record.status, failed=failed)
        record = project.home.records.tasks.get(task.record.id)
        kept = (
            Ended(row["number"], row["status"], row["parameters"], row["metadata"])
            for row in _rows_in_order(task)
            if row["status"] in keep
        )
        start = Start(project, record, snapshot, planned, _belonging(options, record), slots=slots)
        return _finish(_with_people(start, observer, interruption), Sweep(plan, kept), jobs, measured=False)


def _given(overrides: Overrides, options: RunOptions) -> dict[str, Any]:
    """As they are recorded: without secrets."""
    given: dict[str, Any] = Masker(options.secrets.values()).mask_value(to_builtins(overrides))
    return given


def _require_ended(home: Home, task: Task) -> None:
    """What an earlier localhai left running is watched to its end by another process: it must not run twice."""
    open_ones = [item for _, item in home.records.tasks.children(task.record.id) if item.status in INCOMPLETE]
    if open_ones:
        counters = ", ".join(f"#{item.counter}" for item in open_ones)
        raise UsageError(
            f"of task #{task.record.counter} still in progress: {counters}",
            hints=[f"wait for it: localhai execution watch {open_ones[0].counter}", "or stop it"],
        )


def _rows_in_order(task: Task) -> Iterable[dict[str, Any]]:
    names = task.plan.names
    for number, item in task._home.records.tasks.children(task.record.id):  # noqa: SLF001  # same module
        yield comparison.row(number, item.to_dict(), names)


def _planner(
    project: OpenProject,
    plan: TaskPlan,
    config: ProjectConfig,
    snapshot: Snapshot | None,
    overrides: Overrides,
    options: RunOptions,
) -> Callable[[Mapping[str, Any]], ExecutionPlan]:
    def planned(parameters: Mapping[str, Any]) -> ExecutionPlan:
        own = replace(overrides, parameters={**overrides.parameters, **parameters})
        commit = None if snapshot is None else snapshot.identifier
        return project.plan(plan.step, overrides=own, secrets=tuple(options.secrets), commit=commit, config=config)

    return planned


def _belonging(options: RunOptions, record: TaskRecord) -> RunOptions:
    belonging = {**options.belonging, "task-id": record.id, "task-counter": record.counter}
    known = record.document
    reuse = options.reuse or bool(known["plan"].get("reuse_children") or known.get("reuse"))
    requester = options.requester or requester_of(known)  # who goes on with a client's task does so for that client
    return replace(options, belonging=belonging, reuse=reuse, resolved=known.get("resolved", ()), requester=requester)


def _with_people(start: Start, observer: TaskObserver | None, interruption: Interruption | None) -> Start:
    start.observer = observer or start.observer
    start.interruption = interruption or start.interruption
    return start


def _finish(start: Start, sweep: Sweep, jobs: int, *, measured: bool) -> Task:
    """Run the sweep and close the task, whatever happens. Of one that is resumed only the clock knows all its time."""
    records = start.project.home.records
    running = Running(start, sweep, rules.side_by_side(sweep.plan, jobs))
    start.observer.started(start.record.to_dict())
    seconds = stopwatch() if measured else lambda: None
    try:
        with ctrl_c_asks(start.interruption):
            running.run()
    finally:  # whatever comes, the task does not stay open
        status, reason = (sweep.outcome, sweep.ending.reason) if sweep.over else ("crashed", "localhai failed")
        ended = records.tasks.close(start.record.id, status, error=sweep.reason or reason, duration=seconds())
    if running.trouble is not None:
        raise running.trouble
    return Task(start.project.home, ended)
