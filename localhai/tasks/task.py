"""Tasks of a project: started, resumed, looked at. The Python face of `localhai task`."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from localhai.errors import UsageError
from localhai.executions.datums import Addresses
from localhai.executions.latest import creator_name
from localhai.executions.reading import access_of, creator_of, recorded
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.secrets import Masker
from localhai.executions.run.stop import Interruption, ctrl_c_asks
from localhai.executions.run.verdict import stopwatch
from localhai.project.overrides import Overrides
from localhai.system import strict_json
from localhai.tasks import comparison, rules
from localhai.tasks.building import check
from localhai.tasks.plan import TaskPlan
from localhai.tasks.running import Running, Start, TaskObserver
from localhai.tasks.sweep import Ended, ParameterSets, Sweep
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localhai.executions.home import Home
    from localhai.executions.project_context import ProjectContext
    from localhai.executions.run.context import RunOptions
    from localhai.executions.run.slots import Slots
    from localhai.project.config import ProjectConfig
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot
    from localhai.records.tasks import TaskRecord


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
    project: ProjectContext, plan: TaskPlan, *, config: ProjectConfig, overrides: Overrides, options: RunOptions
) -> None:
    """Raises ProjectError and UsageError as `run_task` does before anything starts."""
    check(plan, partial(_planned, project, plan, config, overrides, options))


def _planned(
    project: ProjectContext,
    plan: TaskPlan,
    config: ProjectConfig,
    overrides: Overrides,
    options: RunOptions,
    parameters: Mapping[str, Any],
) -> ExecutionPlan:
    own = replace(overrides, parameters={**overrides.parameters, **parameters})
    return project.plan(plan.step, overrides=own, secrets=tuple(options.secrets), config=config)


class TaskStart(Struct, frozen=True):
    """A task that is asked for: what runs, with which code, and how; `options` are those of its executions.

    `config` is the valohai.yaml that counts, `overrides` is what all executions change of the step. `jobs` run side by
    side: of a distributed task all do, whatever it says. `slots` is a limit that it shares with others.
    `images_first`: the image is there before it begins, and one that cannot be had is said once.
    """

    project: ProjectContext
    plan: TaskPlan
    config: ProjectConfig
    snapshot: Snapshot
    overrides: Overrides
    options: RunOptions
    jobs: int = 1
    slots: Slots | None = None
    images_first: bool = False

    def planned(self, parameters: Mapping[str, Any]) -> ExecutionPlan:
        """One of its executions, by the parameters that vary. Raises ProjectError and UsageError."""
        return _planned(self.project, self.plan, self.config, self.overrides, self.options, parameters)


def run_task(
    start: TaskStart, *, observer: TaskObserver | None = None, interruption: Interruption | None = None
) -> Task:
    """Run a task to its end in this thread; gives it in its final state, whatever that is.

    A task node of a pipeline needs its `record.status` and, for its edges, the executions with their outputs: those of
    `home.records.task_children(task.record.id)`. Aliases of data are resolved here, and mean the same for all
    executions (platform.md 4.1).

    Raises ProjectError and UsageError before anything starts for values that the step does not take, and
    SurroundingsError, after the task was closed as `error`, for what kept executions from starting.
    """
    observer, interruption = observer or TaskObserver(), interruption or Interruption()
    project, plan, options = start.project, start.plan, start.options
    home = project.home
    check(plan, start.planned)
    home.engine.info()
    if start.images_first:
        _look_at_image(start, observer, interruption)
    readable = access_of(home, options.requester).projects
    addresses = Addresses(home.records, project.record.id, readable=readable)
    _, resolved = addresses.freeze(start.planned(ParameterSets(plan)[0]), project.settings.inputs)
    known_as = home.records.tasks.coming_id()
    with at_work(known_as):
        record = home.records.tasks.create(
            project.record.id,
            name=plan.name,
            step=plan.step,
            type=plan.type,
            commit=start.snapshot.identifier,
            document={
                "plan": plan.to_dict(),
                "overrides": _given(start.overrides, options),
                "env_file": options.env_file,
                "user": creator_name(project.settings, options.creator),
                "reuse": options.reuse,
                "resolved": [resolution.to_dict() for resolution in resolved],
                **recorded(options.requester),
            },
            owner=home.own(),
            known_as=known_as,
        )
        return _finish(_begun(start, record, observer, interruption), Sweep(plan), start.jobs, measured=True)


def resume_task(
    start: TaskStart,
    task: Task,
    *,
    failed: bool = False,
    owned: bool = False,
    observer: TaskObserver | None = None,
    interruption: Interruption | None = None,
) -> Task:
    """Make the executions that are missing, and again those that were stopped or crashed; `failed`: errors too.

    `start` has the plan and the overrides of the task. Those that stay stay as they are. `owned`: it never ended, and
    the caller has become its owner. Raises UsageError for a task that runs, otherwise as `run_task`.
    """
    home, plan = start.project.home, start.plan
    check(plan, start.planned)
    home.engine.info()
    _require_ended(home, task)
    with at_work(task.record.id):
        if not owned and not home.records.tasks.resume(task.record.id, home.own(at_once=True)):
            raise UsageError(f"task #{task.record.counter} runs: only one that has ended can be resumed")
        keep = rules.kept(plan, task.record.status, failed=failed)
        record = home.records.tasks.get(task.record.id)
        kept = (
            Ended(row["number"], row["status"], row["parameters"], row["metadata"])
            for row in _rows_in_order(task)
            if row["status"] in keep
        )
        begun = _begun(start, record, observer or TaskObserver(), interruption or Interruption())
        return _finish(begun, Sweep(plan, kept), start.jobs, measured=False)


def _look_at_image(start: TaskStart, observer: TaskObserver, interruption: Interruption) -> None:
    """Raises ImageNotFound, Interrupted."""
    from localhai.containers.images import ensure_all
    from localhai.project.planning import stand_in_image

    home, settings = start.project.home, start.project.settings
    step = start.config.config.steps[start.plan.step]
    ensure_all(
        home.engine,
        {start.overrides.image or stand_in_image(step.image, settings.images): [f"task {start.plan.name}"]},
        start.options.pull,
        notify=observer.said,
        locks=home.folder / "cache" / "locks",
        cancelled=interruption.is_asked,
    )


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


def _belonging(options: RunOptions, record: TaskRecord) -> RunOptions:
    belonging = {**options.belonging, "task-id": record.id, "task-counter": record.counter}
    known = record.document
    reuse = options.reuse or bool(known["plan"].get("reuse_children") or known.get("reuse"))
    creator = options.creator or creator_of(known)  # who goes on with a client's task does so for that client
    return replace(options, belonging=belonging, reuse=reuse, resolved=known.get("resolved", ()), creator=creator)


def _begun(start: TaskStart, record: TaskRecord, observer: TaskObserver, interruption: Interruption) -> Start:
    options = _belonging(start.options, record)
    return Start(start.project, record, start.snapshot, start.planned, options, observer, interruption, start.slots)


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
