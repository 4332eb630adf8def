"""From what valohai.yaml or a command line says about a sweep to a TaskPlan, and whether its step takes it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.project.names import find_by_option, listing, nearest
from localhai.project.plan import Number, ParityNote
from localhai.tasks.bayesian import require_optuna
from localhai.tasks.plan import BAYESIAN_BATCH, Target, TaskPlan, TaskType
from localhai.tasks.rules import default_on_child_error
from localhai.tasks.sweep import ParameterSets, grid_values
from localhai.tasks.variants import RuleError, Variant
from localhai.vocabulary import OnChildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from valohai_yaml.objs import Step


class TaskFault(ValueError):
    """Why no task can be made; `key` names the key of the task to blame, `parameter` the parameter."""

    def __init__(self, message: str, *, key: str = "parameters", parameter: str | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.key = key
        self.parameter = parameter
        self.hint = hint


class Wish(Struct, frozen=True):
    """A task as somebody wants it: `variants` are (name, style, rules), names as typed. JSON there and back."""

    name: str
    type: TaskType
    variants: Sequence[tuple[str, str, Mapping[str, Any]]] = ()
    sets: Sequence[Mapping[str, Any]] = ()
    execution_count: int | None = None
    batch_size: int | None = None
    maximum_queued_executions: int | None = None
    on_child_error: OnChildError | None = None
    stop_condition: str | None = None
    reuse_children: bool = False
    metric: str | None = None
    value: Number | None = None
    engine: str | None = None
    notes: Sequence[str] = ()
    parity: tuple[ParityNote, ...] = ()


def build(wish: Wish, step: Step, *, seed: int) -> TaskPlan:
    """The plan of a task over `step`. Raises TaskFault."""
    variants = tuple(_variant(step, name, style, rules) for name, style, rules in wish.variants)
    _check_numbers(wish)
    notes = list(wish.notes)
    sets: tuple[dict[str, Any], ...] = ()
    if wish.type == "manual_search":
        sets = _manual_sets(wish, step, variants, seed, notes)
        variants, count = (), len(sets)
    elif wish.type == "distributed":
        sets = _members(wish, variants, seed)
        variants, count = (), len(sets)
    elif wish.type == "grid_search":
        count = math.prod(_lengths(variants, seed))
    else:
        _check_domains(variants)
        count = _count(wish, variants)
    if wish.type == "bayesian_tpe":
        _check_bayesian(wish, variants)
    return TaskPlan(
        name=wish.name,
        step=step.name,
        type=wish.type,
        count=count,
        variants=variants,
        sets=sets,
        batch_size=wish.batch_size or BAYESIAN_BATCH,
        maximum_queued_executions=wish.maximum_queued_executions,
        on_child_error=wish.on_child_error or default_on_child_error(wish.type),
        stop_condition=wish.stop_condition,
        reuse_children=wish.reuse_children,
        target=Target(wish.metric, wish.value) if wish.metric else None,
        engine=wish.engine,
        seed=seed,
        notes=tuple(notes),
        parity=wish.parity,
    )


def _members(wish: Wish, variants: Sequence[Variant], seed: int) -> tuple[dict[str, Any], ...]:
    """What varies of each member (unconfirmed): one value is everybody's, of several each member has its own."""
    lists = {variant.name: _column(variant, seed) for variant in variants}
    count = wish.execution_count or max((len(values) for values in lists.values()), default=1)
    if wish.execution_count is None and count == 1:
        raise TaskFault("a distributed task needs to know its members", key="execution-count", hint=_MEMBERS_HINT)
    for name, values in lists.items():
        if len(values) not in {1, count}:
            message = f"parameter {name} has {len(values)} values for {count} members"
            raise TaskFault(message, parameter=name, hint="give one value for all, or one for each")
    most = wish.maximum_queued_executions
    if most is not None and most < count:
        message = f"maximum-queued-executions is {most}, but all {count} members start together"
        raise TaskFault(message, key="maximum-queued-executions", hint="remove it")
    return tuple(
        {name: values[number if len(values) > 1 else 0] for name, values in lists.items()} for number in range(count)
    )


_MEMBERS_HINT = "add `execution-count: 2` to the task"


def _variant(step: Step, wanted: str, style: str, rules: Mapping[str, Any]) -> Variant:
    name = find_parameter(step, wanted)
    return Variant(name, style, dict(rules), str(step.parameters[name].type))


def find_parameter(step: Step, wanted: str, *, key: str = "parameters") -> str:
    """The name of the step's parameter that is meant, as `find_by_option`. Raises TaskFault for this key."""
    name = find_by_option(wanted, step.parameters)
    if name is None:
        near = nearest(wanted, step.parameters)
        known = f"known parameters: {listing(step.parameters)}" if step.parameters else "it has no parameters"
        hint = f"did you mean {near}?" if near else known
        raise TaskFault(f"step {step.name} has no parameter {wanted!r}", key=key, parameter=wanted, hint=hint)
    return name


def _check_numbers(wish: Wish) -> None:
    numbers = {
        "execution-count": wish.execution_count,
        "execution-batch-size": wish.batch_size,
        "maximum-queued-executions": wish.maximum_queued_executions,
    }
    for key, value in numbers.items():
        if value is not None and value < 1:
            raise TaskFault(f"{key} is {value}: it must be at least 1", key=key)
    names = [find_name for find_name, _style, _rules in wish.variants]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise TaskFault(f"parameter {double} varies twice", parameter=double, hint="give all its values at once")


def _lengths(variants: Sequence[Variant], seed: int) -> list[int]:
    lengths = []
    for variant in variants:
        values = _tried(variant, lambda variant=variant: grid_values(seed, [variant])[0])
        if not len(values):
            raise TaskFault(f"parameter {variant.name} has no values", parameter=variant.name)
        lengths.append(len(values))
    return lengths


def _check_domains(variants: Sequence[Variant]) -> None:
    for variant in variants:
        domain = _tried(variant, variant.domain)
        if not domain.probes():
            raise TaskFault(f"parameter {variant.name} has no values", parameter=variant.name)


def _tried(variant: Variant, action: Any) -> Any:
    try:
        return action()
    except RuleError as error:
        raise TaskFault(f"parameter {variant.name} {error}", parameter=variant.name) from error


def _count(wish: Wish, variants: Sequence[Variant]) -> int:
    """execution-count; without it, the largest `count` of the rules (unconfirmed)."""
    if wish.execution_count is not None:
        return wish.execution_count
    counts = [int(variant.rules["count"]) for variant in variants if variant.rules.get("count")]
    if counts:
        return max(counts)
    raise TaskFault(f"{wish.type} needs to know how many executions to make", key="execution-count", hint=_COUNT_HINT)


_COUNT_HINT = "add `execution-count: 50` to the task"


def _check_bayesian(wish: Wish, variants: Sequence[Variant]) -> None:
    needed = {"optimization-target-metric": wish.metric, "optimization-target-value": wish.value}
    missing = [key for key, value in needed.items() if value is None]
    if missing:
        raise TaskFault(
            f"bayesian_tpe needs {' and '.join(missing)}",
            key=missing[0],
            hint="say which metric should come close to which value",
        )
    if not variants:
        raise TaskFault("bayesian_tpe needs parameters that vary")


def _manual_sets(
    wish: Wish, step: Step, variants: Sequence[Variant], seed: int, notes: list[str]
) -> tuple[dict[str, Any], ...]:
    """The i-th values of all parameters together, and the sets as they are written (platform.md 8.1, 8.2).

    What a set lacks is left to the step's default, and said: on the platform values could come to stand in other sets.
    """
    lists = {variant.name: grid for variant in variants for grid in [_column(variant, seed)]}
    written = [
        {find_parameter(step, str(name), key="parameter-sets"): value for name, value in entry.items()}
        for entry in wish.sets
    ]
    length = max([len(written), *(len(values) for values in lists.values())], default=0)
    if not length:
        raise TaskFault("manual_search has no parameter sets", key="parameter-sets")
    constant = {variant.name for variant in variants if variant.style == "single"}
    sets = []
    for number in range(length):
        found = {
            name: values[0 if name in constant else number]
            for name, values in lists.items()
            if name in constant or number < len(values)
        }
        sets.append(found | (written[number] if number < len(written) else {}))
    names = {name for entry in sets for name in entry}
    uneven = sum(set(entry) != names for entry in sets)
    if uneven:
        notes.append(
            f"{uneven} of {length} parameter sets lack some of the parameters: they take the step's defaults. The"
            " platform would mix values of different sets"
        )
    return tuple(sets)


def _column(variant: Variant, seed: int) -> Any:
    return _tried(variant, lambda: grid_values(seed, [variant])[0])


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
