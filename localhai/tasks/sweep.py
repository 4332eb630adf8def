"""Sweep: the state machine of a task. It is told what happened and says what comes next; it runs nothing. Pure.

The parameter sets are made one by one, each when it is asked for, so that a grid of any size costs nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.executions.run.stop_condition import StopCondition
from localhai.tasks import bayesian, rules
from localhai.tasks.plan import BAYESIAN_START
from localhai.tasks.rules import Ending, Outcome
from localhai.vocabulary import FAILED

if TYPE_CHECKING:
    from localhai.tasks.bayesian import Tried
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


class Child(Struct, frozen=True):
    """An execution to make: its number in the task, from 0, and the parameters that vary."""

    number: int
    parameters: Mapping[str, Any]


class Ended(Struct, frozen=True):
    """An execution of an earlier start of the task that stays as it is. `parameters` are those that vary."""

    number: int
    status: str
    parameters: Mapping[str, Any]
    metadata: Mapping[str, Any]


class Sweep:
    """Which executions a task makes, and when it is over.

    Memory does not grow with the number of executions, but for a Bayesian search, which learns from all of them. Not
    safe for threads: whoever has several calls it under a lock.
    """

    def __init__(self, plan: TaskPlan, ended: Iterable[Ended] = ()) -> None:
        self.plan = plan
        self.failed = 0
        self._sets = ParameterSets(plan)
        self._stop: Ending | None = None
        self._next = 0
        self._running: dict[int, Mapping[str, Any]] = {}
        self._conditions: dict[int, StopCondition] = {}
        self._done: set[int] = set()
        self._tried: dict[int, Tried] = {}
        self._batch: tuple[int, Sequence[Mapping[str, Any]]] = (-1, ())
        for child in ended:
            self._done.add(child.number)
            self._note(child.number, child.status, child.parameters, child.metadata)

    @property
    def stopping(self) -> bool:
        """No more executions are made, and those that run are to be stopped."""
        return self._stop is not None

    @property
    def over(self) -> bool:
        """Nothing runs and nothing comes."""
        return not self._running and (self.stopping or self._at_end())

    @property
    def ending(self) -> Ending:
        """How the task ended, once it is over: as whatever stopped it said, else by what came of its executions."""
        return self._stop or rules.ending(self.plan, self.failed)

    @property
    def outcome(self) -> Outcome:
        """The status of the task, once it is over."""
        return self.ending.outcome

    @property
    def reason(self) -> str | None:
        """Why no more executions are made, as a sentence; None while nothing stopped it."""
        return None if self._stop is None else self._stop.reason

    def next(self) -> Child | None:
        """The next execution to start; None when there is none now: ask again when another one has ended.

        Raises SurroundingsError when an optimiser is needed and not there.
        """
        if self.stopping or self._at_end() or self._is_full() or not self._can_know():
            return None
        child = Child(self._next, self._set(self._next))
        self._running[child.number] = child.parameters
        if self.plan.stop_condition:
            self._conditions[child.number] = StopCondition(self.plan.stop_condition)
        self._next += 1
        return child

    def heard(self, number: int, objects: Sequence[Mapping[str, Any]]) -> None:
        """Metadata of a running execution: one that meets the stop-condition stops the task."""
        if self._is_met_by(number, objects):
            self._stop_by(rules.condition_met(self.plan))

    def ended(self, number: int, status: str, metadata: Mapping[str, Any]) -> None:
        """An execution has ended with this status and these latest metadata."""
        is_met = self._is_met_by(number, [metadata])
        self._conditions.pop(number, None)
        self._note(number, status, self._running.pop(number), metadata)
        self._stop_by(rules.after_child(self.plan, status, is_met=is_met))

    def stop(self, reason: str) -> None:
        """Somebody wishes the task to stop. What was decided before stays."""
        if not self.over:
            self._stop_by(Ending("stopped", reason))

    def fail(self, reason: str) -> None:
        """Something that every execution needs is gone: no more of them."""
        if self._stop is None or self._stop.outcome != "error":
            self._stop = Ending("error", reason)

    def _stop_by(self, ending: Ending | None) -> None:
        """The first that stops it counts."""
        self._stop = self._stop or ending

    def _is_met_by(self, number: int, objects: Sequence[Mapping[str, Any]]) -> bool:
        condition = self._conditions.get(number)
        return condition is not None and condition.is_met_by(objects)

    def _note(self, number: int, status: str, parameters: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        self.failed += status in FAILED
        if self.plan.type == "bayesian_tpe":
            self._tried[number] = rules.tried(self.plan, status, parameters, metadata)

    def _at_end(self) -> bool:
        while self._next in self._done:
            self._done.discard(self._next)
            self._next += 1
        return self._next >= self.plan.count

    def _is_full(self) -> bool:
        """maximum-queued-executions caps all that are in progress: here none waits in a queue (unconfirmed)."""
        most = self.plan.maximum_queued_executions
        return most is not None and len(self._running) >= most

    def _can_know(self) -> bool:
        """A batch of a Bayesian search waits for all before it."""
        if self.plan.type != "bayesian_tpe" or self._next < BAYESIAN_START:
            return True
        start = rules.batch_start(self.plan, self._next)
        return self._batch[0] == start or all(number >= start for number in self._running)

    def _set(self, number: int) -> Mapping[str, Any]:
        if self.plan.type != "bayesian_tpe" or number < BAYESIAN_START:
            return self._sets[number]
        start = rules.batch_start(self.plan, number)
        if self._batch[0] != start:
            before = [self._tried[place] for place in sorted(self._tried) if place < start]
            self._batch = (start, bayesian.propose(self.plan, before, start))
        return self._batch[1][number - start]
