"""What a Bayesian search tries next: Optuna's TPE, seeded, as a function of the plan and of what came before."""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.errors import SurroundingsError
from localhai.tasks.variants import Span

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    from localhai.tasks.plan import TaskPlan
    from localhai.tasks.variants import Values


class Tried(Struct, frozen=True):
    """A set that was executed; `distance` is how far its metric ended from the target, None when it gave none."""

    parameters: Mapping[str, Any]
    distance: float | None


def require_optuna() -> None:
    """Raises SurroundingsError, with the extra to install, where Optuna is missing."""
    if importlib.util.find_spec("optuna") is None:
        raise SurroundingsError(
            "a Bayesian task needs Optuna, which is not installed",
            hints=['install it: pip install "localhai[optuna]"'],
        )


def propose(plan: TaskPlan, before: Sequence[Tried], start: int) -> list[dict[str, Any]]:
    """The sets of the batch that begins with number `start`, given what all earlier ones came to.

    The same arguments give the same sets. Raises SurroundingsError without Optuna.
    """
    require_optuna()
    import optuna

    axes = [_Axis(variant.name, variant.domain()) for variant in plan.variants]
    distributions = {axis.name: axis.distribution() for axis in axes}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=(plan.seed * 1_000_003 + start) % 2**32, n_startup_trials=1, constant_liar=True
        )
        study = optuna.create_study(direction="minimize", sampler=sampler)
        for tried in before:
            trial = _trial(axes, distributions, tried)
            if trial is not None:
                study.add_trial(trial)
        count = min(plan.batch_size, plan.count - start)
        asked = [study.ask(distributions) for _ in range(count)]
    return [{axis.name: axis.value(trial.params[axis.name]) for axis in axes} for trial in asked]


def _trial(axes: Sequence[_Axis], distributions: dict[str, BaseDistribution], tried: Tried) -> FrozenTrial | None:
    """What was executed in Optuna's words; None for a set that the plan cannot have made."""
    from optuna.trial import TrialState, create_trial

    try:
        params = {axis.name: axis.place(tried.parameters[axis.name]) for axis in axes}
    except (KeyError, ValueError):
        return None
    if tried.distance is None:
        return create_trial(state=TrialState.FAIL, params=params, distributions=distributions)
    return create_trial(value=tried.distance, params=params, distributions=distributions)


class _Axis:
    """One parameter: numbers of a span as they are, values of a list by their place in it."""

    def __init__(self, name: str, domain: Values | Span) -> None:
        self.name = name
        self._domain = domain
        self._ordered = isinstance(domain, Span) or _is_ordered(domain)

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        domain = self._domain
        if isinstance(domain, Span):
            if domain.whole:
                return IntDistribution(math.ceil(domain.low), math.floor(domain.high), log=domain.log)
            return FloatDistribution(domain.low, domain.high, log=domain.log)
        if self._ordered:
            return IntDistribution(0, len(domain) - 1)
        return CategoricalDistribution(range(len(domain)))

    def place(self, value: Any) -> Any:
        return value if isinstance(self._domain, Span) else self._domain.index(value)

    def value(self, place: Any) -> Any:
        return place if isinstance(self._domain, Span) else self._domain[place]


def _is_ordered(values: Values) -> bool:
    """Numbers that only rise or fall: then near places are near values."""
    ends = values.probes()
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in ends):
        return False
    return list(ends) == sorted(ends) or list(ends) == sorted(ends, reverse=True)
