"""Whether the step takes every value that a task may give it, seen before anything starts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.tasks.bayesian import require_optuna
from localhai.tasks.sweep import ParameterSets, grid_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from localhai.tasks.plan import TaskPlan

MOST_PROBES = 1000  # of a list; what is beyond is seen when its execution is planned


def require_runnable(plan: TaskPlan) -> None:
    """Raises SurroundingsError where an optimiser is needed and missing."""
    if plan.type == "bayesian_tpe":
        require_optuna()


def check(plan: TaskPlan, planned: Callable[[Mapping[str, Any]], object]) -> None:
    """Call `planned`, which makes an ExecutionPlan, with sets that stand for all. Raises what it raises.

    Each value of a list is tried once and of a range its ends, not each combination. Raises as `require_runnable`.
    """
    require_runnable(plan)
    for entry in _probes(plan):
        planned(entry)


def _probes(plan: TaskPlan) -> Iterator[Mapping[str, Any]]:
    if plan.sets:
        yield from plan.sets[:MOST_PROBES]
        return
    first = ParameterSets(plan)[0]
    yield first
    for variant in plan.variants:
        is_grid = plan.type == "grid_search"
        domain = grid_values(plan.seed, [variant])[0] if is_grid else variant.domain()
        for value in list(domain.probes())[:MOST_PROBES]:
            if value != first[variant.name]:
                yield {**first, variant.name: value}
