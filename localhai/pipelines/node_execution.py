"""Execution nodes: from what the edges give one to what its edges carry on."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from localhai.errors import LocalhaiError, SurroundingsError, UsageError
from localhai.executions.execution import Execution
from localhai.executions.log.follow import LOOK
from localhai.executions.run.observer import Observer
from localhai.executions.run.recovery import NEVER_RAN, adopt
from localhai.executions.run.runner import ExecutionStart, run
from localhai.pipelines import rules
from localhai.pipelines.results import NodeResult, NodeStart
from localhai.pipelines.runners import Kept, Made
from localhai.vocabulary import INCOMPLETE, datum_uri

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from localhai.executions.home import Home
    from localhai.executions.run.stop import Interruption
    from localhai.pipelines.plan import Edge, Node
    from localhai.pipelines.runners import NodeWork
    from localhai.pipelines.sources import Sources
    from localhai.records.pipelines import PipelineNode


class ExecutionRunner:
    """The NodeRunner of execution nodes."""

    def check(self, sources: Sources, node: Node, awaiting: Sequence[Edge], *, secrets: Collection[str]) -> None:
        """Plans it as far as that is possible."""
        inputs = {name: node.inputs[name] for name in node.explicit_inputs}
        start = NodeStart(node.name, inputs=inputs, parameters=node.parameters)
        sources.execution_plan(node, start, secrets=secrets, awaiting=awaiting)

    def run(self, work: NodeWork) -> tuple[NodeResult, LocalhaiError | None]:
        """One execution."""
        project = work.sources.project
        if work.begun is not None and work.begun.execution_id is not None:
            left = follow_left(project.home, work.begun.execution_id, work.interruption)
            if left is not None:
                return result_of(left), None
        try:
            plan = work.sources.execution_plan(work.node, work.start, secrets=tuple(work.options.secrets))
            with work.slots.taken(given_up=work.interruption.is_asked):
                execution = run(
                    ExecutionStart(project, plan, work.sources.snapshot(work.node.commit), work.options),
                    observer=_Watch(work, work.watch(None)),
                    interruption=work.interruption,
                )
        except LocalhaiError as error:
            return rules.without_end(error), error
        return result_of(execution, plan.environment_variables), None

    def earlier(self, home: Home, node: PipelineNode) -> Kept | None:
        """Its execution counts, not what became of the node: it may have ended after its pipeline did."""
        if node.execution is None or node.execution["status"] is None:
            return None
        execution = Execution(home, home.records.executions.get(node.execution["id"]))
        require_ended(execution, node.name)
        if not is_whole(execution):
            return None
        return Kept(Made(execution_id=execution.id), result_of(execution))


def follow_left(home: Home, execution_id: str, interruption: Interruption) -> Execution | None:
    """What a localhai that died had begun, at its end: here or by the process that watches it.

    None where its container never was, or somebody deleted it: then it is to be made anew.
    """
    execution = Execution(home, home.records.executions.get(execution_id))
    asked = 0
    while execution.refresh().record.status in INCOMPLETE:
        with suppress(SurroundingsError):  # an engine that is away comes back
            adopt(home, execution_id, interruption=interruption)
        if interruption.level > asked:
            asked = interruption.level
            home.records.executions.request_stop(execution_id)
        time.sleep(LOOK)
    return None if execution.error == NEVER_RAN else execution


def require_ended(execution: Execution, node: str) -> None:
    """Raises UsageError while it runs."""
    if execution.record.status in INCOMPLETE:
        raise UsageError(
            f"execution #{execution.counter} of node {node} still runs",
            where=f"node {node}",
            hints=[f"wait for it: localhai execution watch {execution.counter}", "or stop it"],
        )


def is_whole(execution: Execution) -> bool:
    """Whether it succeeded and its outputs are still there."""
    return execution.complete and not any(output.purged for output in execution.record.outputs)


def result_of(execution: Execution, variables: Mapping[str, str] | None = None) -> NodeResult:
    """What the edges of a node carry on from an execution that has ended. Outputs are named as data."""
    return NodeResult(
        status=execution.status,
        outputs=tuple((output["name"], datum_uri(output["id"])) for output in execution.outputs),
        metadata=execution.metadata,
        parameters=execution.parameters,
        inputs={item["name"]: tuple(file["uri"] for file in item["files"]) for item in execution.inputs},
        environment_variables=_variables_of(execution) if variables is None else variables,
        error=execution.error,
        note="reused" if (execution.to_dict().get("reuse") or {}).get("hit") else None,
    )


def _variables_of(execution: Execution) -> Mapping[str, str]:
    """Those it ran with. They are kept with its files only: of one that ran on another machine none are known."""
    try:
        return execution.plan().environment_variables
    except SurroundingsError:
        return {}


class _Watch(Observer):
    """Records the execution of a node as soon as it has an id, and hands everything on."""

    def __init__(self, work: NodeWork, inner: Observer) -> None:
        self._made = work.made
        self._say = work.say
        self._inner = inner
        self.watches_metadata = inner.watches_metadata
        self.status = inner.status  # type: ignore[method-assign]  # handed on as they are
        self.output = inner.output  # type: ignore[method-assign]
        self.metadata = inner.metadata  # type: ignore[method-assign]
        self.progress = inner.progress  # type: ignore[method-assign]
        self.finished = inner.finished  # type: ignore[method-assign]

    def started(self, execution: Mapping[str, Any]) -> None:
        self._made(Made(execution_id=execution["id"]))
        self._inner.started(execution)

    def looked(self, lines: Sequence[str]) -> None:
        self._say(": ".join([lines[0], "; ".join(lines[1:])]) if lines[1:] else lines[0])
