"""The parameter sets of a task, by number: each is made when asked for, so that a grid of any size costs nothing."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from localhai.tasks.plan import BAYESIAN_START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.tasks.plan import TaskPlan
    from localhai.tasks.variants import Values, Variant


def grid_values(plan_seed: int, variants: Sequence[Variant]) -> list[Values]:
    """The values of each parameter of a grid; those of style `random` are drawn once. Raises RuleError."""
    return [variant.values(_chance(plan_seed, variant, "grid")) for variant in variants]


def _chance(seed: int, variant: Variant, what: object) -> random.Random:
    """A generator that depends on nothing but its arguments: the same on a resume, and in every version of Python."""
    own = seed if variant.seed is None else variant.seed
    return random.Random(f"{own}/{variant.name}/{what}")  # noqa: S311  # a sweep, not a secret


class ParameterSets:
    """Set number 0, 1, ... of a plan. Those of a Bayesian search beyond its random start come from an optimiser."""

    def __init__(self, plan: TaskPlan) -> None:
        self._plan = plan
        is_grid = plan.type == "grid_search"
        self._values = grid_values(plan.seed, plan.variants) if is_grid else []
        self._domains = [] if is_grid else [variant.domain() for variant in plan.variants]

    def __len__(self) -> int:
        return self._plan.count

    def __getitem__(self, number: int) -> dict[str, Any]:
        """The set of this number. IndexError beyond the last, and for numbers that an optimiser decides."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        if self._plan.type == "grid_search":
            return self._of_grid(number)
        if self._plan.type in {"manual_search", "distributed"}:
            return dict(self._plan.sets[number])
        if self._plan.type == "bayesian_tpe" and number >= BAYESIAN_START:
            raise IndexError(number)
        drawn = zip(self._plan.variants, self._domains, strict=True)
        return {variant.name: domain.draw(_chance(self._plan.seed, variant, number)) for variant, domain in drawn}

    def _of_grid(self, number: int) -> dict[str, Any]:
        """As the nested loops of `itertools.product` do: the last parameter changes fastest."""
        found: dict[str, Any] = {}
        for variant, values in zip(reversed(self._plan.variants), reversed(self._values), strict=True):
            number, index = divmod(number, len(values))
            found[variant.name] = values[index]
        return dict(reversed(found.items()))
