"""Task nodes: a task is made, its executions run, and what all of them came to flows on (platform.md 8.4)."""

from __future__ import annotations

import secrets as random_bits
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.app.nodes.spreading import spread
from localhai.errors import LocalhaiError
from localhai.executions.execution import Execution
from localhai.executions.reuse.explain import outcome
from localhai.pipelines.node_execution import is_whole, require_ended, result_of
from localhai.pipelines.results import NodeResult, NodeStart
from localhai.pipelines.rules import without_end
from localhai.pipelines.runners import Kept, Made
from localhai.pipelines.sources import overrides_of
from localhai.project.parity import telling_sentence
from localhai.system import strict_json
from localhai.tasks import rules
from localhai.tasks.building import Wish, check
from localhai.tasks.running import TaskObserver
from localhai.tasks.task import Task, TaskStart, resume_task, run_task

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from localhai.executions.home import Home
    from localhai.executions.run.observer import Observer
    from localhai.pipelines.plan import Edge, Node
    from localhai.pipelines.runners import NodeWork
    from localhai.pipelines.sources import Sources
    from localhai.records.pipelines import PipelineNode
    from localhai.tasks.plan import TaskPlan
    from localhai.tasks.sweep import Child


class TaskRunner:
    """The NodeRunner of task nodes."""

    def check(self, sources: Sources, node: Node, awaiting: Sequence[Edge], *, secrets: Collection[str]) -> None:
        """Builds the task and plans executions that stand for all, as far as that is possible."""
        plan, shared = task_plan(sources, node, node.parameters, seed=0, awaiting=awaiting)
        inputs = {name: node.inputs[name] for name in node.explicit_inputs}

        def planned(parameters: Mapping[str, Any]) -> object:
            start = NodeStart(node.name, inputs=inputs, parameters={**shared, **parameters})
            return sources.execution_plan(node, start, secrets=secrets, awaiting=awaiting)

        check(plan, planned)

    def run(self, work: NodeWork) -> tuple[NodeResult, LocalhaiError | None]:
        """One task; each of its executions is one of the pipeline too."""
        try:
            task = _run(work)
        except LocalhaiError as error:
            return without_end(error), error
        return task_result(work.sources.project.home, task), None

    def earlier(self, home: Home, node: PipelineNode) -> Kept | None:
        """A task is kept as a whole, with all that its executions left."""
        if node.task is None or node.task["status"] is None:
            return None
        task = Task(home, home.records.tasks.get(node.task["id"]))
        children = [execution for _, execution in _children(home, task)]
        for execution in children:
            require_ended(execution, node.name)
        if task.record.status != "complete" or not all(is_whole(item) for item in children if item.complete):
            return None
        return Kept(Made(task_id=task.record.id), task_result(home, task))


def _run(work: NodeWork) -> Task:
    """A task of its own, or the one that an earlier run of the pipeline left half-done and that would be the same."""
    sources, node = work.sources, work.node
    left = _left(work)
    seed = random_bits.randbelow(2**31) if left is None else left.plan.seed
    plan, shared = task_plan(sources, node, work.start.parameters, seed=seed)
    overrides = replace(overrides_of(work.start), parameters=shared)
    for note in (*plan.notes, telling_sentence(plan.parity)):
        if note:
            work.say(note)
    start = TaskStart(
        sources.project,
        plan,
        sources.node_config(node),
        sources.snapshot(node.commit),
        overrides,
        work.options,
        jobs=work.slots.count,
        slots=work.slots,
    )
    if left is not None and left.is_of(plan, overrides, work.options):
        complete = sources.project.home.records.tasks.counts(left.record.id).get("complete", 0)
        work.say(f"goes on with task #{left.record.counter}: {complete} of {plan.count} executions are kept")
        again = replace(start, plan=left.plan, overrides=left.overrides)
        return resume_task(again, left, failed=True, observer=_Watch(work), interruption=work.interruption)
    if left is not None:
        work.say(f"task #{left.record.counter} was of other values or files: all of it runs again")
    return run_task(start, observer=_Watch(work), interruption=work.interruption)


def _left(work: NodeWork) -> Task | None:
    """None where files of a complete execution are gone: then all of the task runs again."""
    if work.begun is None or work.begun.task_id is None:
        return None
    home = work.sources.project.home
    task = Task(home, home.records.tasks.get(work.begun.task_id))
    whole = all(is_whole(execution) for _, execution in _children(home, task) if execution.complete)
    return task if whole else None


def task_plan(
    sources: Sources,
    node: Node,
    given: Mapping[str, Any],
    *,
    seed: int,
    awaiting: Sequence[Edge] | None = None,
) -> tuple[TaskPlan, dict[str, Any]]:
    """The task of a node, and the parameters that all its executions share. Raises ProjectError."""
    step = sources.node_config(node, awaiting=awaiting).config.steps[node.step or ""]
    blueprint = None if node.sweep is None else strict_json.convert({**node.sweep, "name": node.name}, Wish)
    if node.task:
        from localhai.tasks.blueprint import blueprint_wish

        blueprint = blueprint_wish(sources.config(node.commit).config.tasks[node.task])
    return spread(node.name, blueprint, given, step, seed=seed)


def task_result(home: Home, task: Task) -> NodeResult:
    """What the edges of a task node carry on (`rules.gather`)."""
    plan = task.plan
    results = {number: result_of(execution) for number, execution in _children(home, task) if execution.complete}
    parts = (
        rules.Part(number, found.status, found.outputs, found.metadata, found.parameters)
        for number, found in results.items()
    )
    whole = rules.gather(parts, plan.names, plan.target)
    first = NodeResult(task.record.status) if whole.first is None else results[whole.first]
    return NodeResult(
        status=task.record.status,
        outputs=whole.outputs,
        metadata=whole.metadata,
        parameters=whole.parameters,
        inputs=first.inputs,
        environment_variables=first.environment_variables,
        error=task.record.document.get("error"),
    )


def _children(home: Home, task: Task) -> list[tuple[int, Execution]]:
    found = home.records.tasks.children(task.record.id)  # without outputs
    return [(number, Execution(home, home.records.executions.get(row.id))) for number, row in found]


class _Watch(TaskObserver):
    """Says what becomes of a task node's executions."""

    def __init__(self, work: NodeWork) -> None:
        self._work = work

    def started(self, task: Mapping[str, Any]) -> None:
        self._work.made(Made(task_id=task["id"]))

    def child(self, child: Child) -> Observer:
        return self._work.watch(str(child.number + 1))

    def ended(self, child: Child, status: str, execution: Mapping[str, Any] | None) -> None:
        name = f"execution {child.number + 1}" if execution is None else f"execution #{execution['counter']}"
        because = f": {execution['error']}" if execution and execution.get("error") else ""
        self._work.say(f"{name} of task: {status}{because}")
        reuse = outcome((execution or {}).get("reuse"))
        if reuse is not None:
            self._work.say(f"{name} of task: {reuse}")

    def said(self, text: str) -> None:
        self._work.say(text)
