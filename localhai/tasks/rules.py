"""The rule book of tasks: what the end of an execution means, and what all of them come to (platform.md 8).

Pure, quick to import. Whoever runs executions asks here: `Sweep` with a whole task before its eyes, the tasks of an
Airflow DAG each for its own execution. Which parameter sets there are is said in `sets` and `bayesian`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from localhai.tasks.bayesian import Tried
from localhai.tasks.plan import BAYESIAN_START
from localhai.vocabulary import FAILED

if TYPE_CHECKING:
    from localhai.tasks.plan import Target, TaskPlan, TaskType
    from localhai.vocabulary import OnChildError

Outcome = Literal["complete", "error", "stopped"]


class Ending(Struct, frozen=True):
    """How a task ends; `reason` is a sentence."""

    outcome: Outcome
    reason: str | None = None


class Part(Struct, frozen=True):
    """What one execution of a task came to. `outputs` are in any shape that the caller takes back."""

    number: int
    status: str
    outputs: Sequence[Any] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Whole(Struct, frozen=True):
    """What the complete executions of a task came to together; `first` is the number of the first of them."""

    first: int | None
    outputs: tuple[Any, ...]
    metadata: Mapping[str, Any]
    parameters: Mapping[str, Any]


def condition_met(plan: TaskPlan) -> Ending:
    """An execution has met the stop-condition: what was wished for, so `complete` (unconfirmed)."""
    return Ending("complete", f"stop-condition met: {plan.stop_condition}")


def after_child(plan: TaskPlan, status: str, *, is_met: bool) -> Ending | None:
    """What the end of one execution means for all others, None for nothing; `is_met`: so is the stop-condition."""
    if is_met:
        return condition_met(plan)
    if status in FAILED and plan.on_child_error == "stop-all-and-error":
        return Ending("error", "an execution failed and on-child-error is stop-all-and-error")
    return None


def default_on_child_error(kind: TaskType) -> OnChildError:
    """Unconfirmed: those who are in one group wait for one another, so they end as one."""
    return "stop-all-and-error" if kind == "distributed" else "continue-and-error"


def may_end_others(plan: TaskPlan) -> bool:
    """Whether one execution may end the others."""
    return bool(plan.stop_condition) or plan.on_child_error == "stop-all-and-error"


def ending(plan: TaskPlan, failed: int) -> Ending:
    """Of a task that nothing ended early, and of which so many executions failed."""
    if failed and plan.on_child_error != "continue-and-complete":
        return Ending("error", f"{failed} of {plan.count} executions failed")
    return Ending("complete")


def gather(parts: Iterable[Part], names: Sequence[str] = (), target: Target | None = None) -> Whole:
    """What the edges of a task node carry on: the outputs of all complete executions, in their order.

    `names` are the parameters that vary: lists. Which metadata the platform takes is unconfirmed: here those of the
    best execution where the task has a target, otherwise the last that each key had.
    """
    complete = sorted((part for part in parts if part.status == "complete"), key=lambda part: part.number)
    if not complete:
        return Whole(None, (), {}, {})
    rows = [{"number": part.number, "status": part.status, "metadata": part.metadata} for part in complete]
    nearest = best(rows, target)
    latest = {key: value for part in complete for key, value in part.metadata.items()}
    varied = {name: [part.parameters.get(name) for part in complete] for name in names}
    return Whole(
        first=complete[0].number,
        outputs=tuple(output for part in complete for output in part.outputs),
        metadata=latest if nearest is None else dict(nearest["metadata"]),
        parameters={**complete[0].parameters, **varied},
    )


def best(rows: Iterable[Mapping[str, Any]], target: Target | None) -> Mapping[str, Any] | None:
    """The complete execution that is nearest to the target, the first of several; None where none is known to be."""
    known = [(found, entry) for entry in rows if (found := distance(entry["metadata"], target)) is not None]
    complete = [(found, entry) for found, entry in known if entry["status"] == "complete"]
    return min(complete, key=lambda item: (item[0], item[1]["number"]), default=(0.0, None))[1]


def distance(metadata: Mapping[str, Any], target: Target | None) -> float | None:
    """How far the target's metric is from its value; None where either is not known, or is no finite number."""
    if target is None or target.value is None:
        return None
    value = number(metadata.get(target.metric))
    return None if value is None or math.isinf(value) else abs(value - target.value)


def number(value: Any) -> float | None:
    """What a step printed, if it is a number: a text of one counts, NaN does not."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf if value > 0 else -math.inf
    return None if math.isnan(found) else found


def tried(plan: TaskPlan, status: str, parameters: Mapping[str, Any], metadata: Mapping[str, Any]) -> Tried:
    """What a Bayesian search learns from an execution: of one that is not complete, that it came to nothing."""
    usable = distance(metadata, plan.target) if status == "complete" else None
    return Tried(dict(parameters), usable)


def batch_start(plan: TaskPlan, number: int) -> int:
    """The first number of the batch that `number` is in: a batch is proposed when all before it has ended."""
    return number if number < BAYESIAN_START else number - (number - BAYESIAN_START) % plan.batch_size


def stages(plan: TaskPlan) -> list[int]:
    """The first number of each part of a task that waits for all before it: a Bayesian search has batches."""
    if plan.type != "bayesian_tpe":
        return [0]
    return [0, *range(BAYESIAN_START, plan.count, plan.batch_size)]


def side_by_side(plan: TaskPlan, jobs: int) -> int:
    """How many executions run at once: the members of a distributed task all do."""
    if plan.type == "distributed":
        return plan.count
    return max(min(jobs, plan.maximum_queued_executions or jobs, plan.count), 1)


def kept(plan: TaskPlan, status: str, *, failed: bool) -> set[str]:
    """Statuses of executions that stay when a task of this status is resumed, `failed` ones too or not.

    The members of a distributed task start together or not at all.
    """
    if plan.type == "distributed":
        return {"complete"} if status == "complete" else set()
    return {"complete"} if failed else {"complete", "error"}
