"""The task of a task node: what a blueprint says, and lists that were given (platform.md 1.11, 7.2). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.errors import ProjectError
from localhai.tasks.building import TaskFault, Wish, build

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from valohai_yaml.objs import Step

    from localhai.tasks.plan import TaskPlan


def spread(
    node: str, blueprint: Wish | None, given: Mapping[str, Any], step: Step, *, seed: int
) -> tuple[TaskPlan, dict[str, Any]]:
    """The task of a node, and the parameters that all its executions share.

    A list that was `given` is one execution for each of its items; what is given for a parameter takes the place of
    what the blueprint says of it. Without either it is a task of one execution. Raises ProjectError.
    """
    lists = [(name, "multiple", {"items": list(value)}) for name, value in given.items() if isinstance(value, list)]
    shared = {name: value for name, value in given.items() if not isinstance(value, list)}
    wish = blueprint or Wish(name=node, type="grid_search")
    try:
        return build(_with_given(wish, lists, given), step, seed=seed), shared
    except TaskFault as fault:
        hints = [fault.hint] if fault.hint else []
        raise ProjectError(fault.message, where=f"node {node}", hints=hints) from fault


def _with_given(wish: Wish, lists: Sequence[tuple[str, str, Mapping[str, Any]]], given: Mapping[str, Any]) -> Wish:
    """Variants of the same name go; those that are left and the lists make the task."""
    variants = [variant for variant in wish.variants if variant[0] not in given]
    sets = [{name: value for name, value in entry.items() if name not in given} for entry in wish.sets]
    return replace(wish, variants=[*variants, *lists], sets=[entry for entry in sets if entry])
