"""TaskPlan: all that a task will be, decided before anything starts. Immutable, JSON values only, pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from localhai.project.plan import Number, ParityNote
from localhai.system import strict_json
from localhai.tasks.variants import Variant
from localhai.vocabulary import OnChildError

TaskType = Literal["grid_search", "random_search", "manual_search", "bayesian_tpe", "distributed"]

BAYESIAN_START = 20  # this many executions are random before the optimiser proposes any (platform.md 8.1)
BAYESIAN_BATCH = 5  # where execution-batch-size is absent: unconfirmed


class Target(Struct, frozen=True):
    """Where the metric of a task should come to; `value` None: only known by name."""

    metric: str
    value: Number | None = None


class TaskPlan(Struct, frozen=True):
    """What one task will be.

    `sets` are the parameter sets of a manual search and of the members of a distributed task. `count` is the number of
    executions. `seed` makes every draw:
    two plans that are equal give equal sets. `notes` are sentences for the person, about what was filled in; `parity`
    has a note for every key that a task of valohai.yaml uses.
    """

    name: str
    step: str
    type: TaskType
    count: int
    variants: tuple[Variant, ...] = ()
    sets: tuple[Mapping[str, Any], ...] = ()
    batch_size: int = BAYESIAN_BATCH
    maximum_queued_executions: int | None = None
    on_child_error: OnChildError = "continue-and-error"
    stop_condition: str | None = None
    reuse_children: bool = False
    target: Target | None = None
    engine: str | None = None
    seed: int = 0
    notes: tuple[str, ...] = ()
    parity: tuple[ParityNote, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that vary, in their order."""
        found = dict.fromkeys(variant.name for variant in self.variants)
        for entry in self.sets:
            found.update(dict.fromkeys(entry))
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """JSON values only; `strict_json.convert` is the inverse."""
        values: dict[str, Any] = strict_json.values(self)
        return values
