"""A second run of an execution: its plan turned back into overrides. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.errors import UsageError
from localhai.executions.run.secrets import MASK
from localhai.project.names import find_by_option, option_name
from localhai.project.overrides import Overrides
from localhai.vocabulary import has_scheme

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from valohai_yaml.objs import Step

    from localhai.project.plan import ExecutionPlan, PlannedInput

HIDDEN = MASK.decode()


def pinned(plan: ExecutionPlan, recorded: Iterable[Mapping[str, Any]]) -> ExecutionPlan:
    """The plan with the very data that were used: an alias may mean another datum by now.

    `recorded` are the execution's inputs in their JSON shape. Data of the input map and of other schemes stay as
    they are written.
    """
    used = {item["name"]: [file["uri"] for file in item["files"] if has_scheme(file["uri"])] for item in recorded}
    return replace(plan, inputs=tuple(_pinned(item, used.get(item.name, [])) for item in plan.inputs))


def _pinned(item: PlannedInput, used: Sequence[str]) -> PlannedInput:
    named = [uri for uri in item.uris if has_scheme(uri)]
    if not named or len(named) != len(used):
        return item
    following = iter(used)
    return replace(item, uris=tuple(next(following) if has_scheme(uri) else uri for uri in item.uris))


def repeated(plan: ExecutionPlan, step: Step, changes: Overrides, *, secrets: Collection[str] = ()) -> Overrides:
    """Overrides that make the same plan again, with `changes` on top; parameters the plan has not stay without value.

    `secrets` names variables that the runner gives. Raises UsageError for values that were masked when they were
    recorded and are not given again.
    """
    parameters: dict[str, Any] = dict.fromkeys(step.parameters)
    parameters |= {name: value for name, value in plan.parameters.items() if name in step.parameters}
    inputs = {item.name: list(item.uris) for item in plan.inputs if item.name in step.inputs}
    variables = {name: value for name, value in plan.environment_variables.items() if name not in secrets}
    found = Overrides(
        parameters=_over(parameters, changes.parameters),
        inputs=_over(inputs, changes.inputs),
        environment_variables={**variables, **changes.environment_variables},
        image=changes.image or plan.image,
        environment=changes.environment or plan.environment,
        time_limit=changes.time_limit if changes.time_limit is not None else plan.limits.time_limit,
        cpu_max=changes.cpu_max if changes.cpu_max is not None else plan.limits.cpu_max,
        memory_max=changes.memory_max if changes.memory_max is not None else plan.limits.memory_max,
        title=changes.title if changes.title is not None else plan.title,
        tags=changes.tags or plan.tags,
    )
    _require_seen(found)
    return found


def _over(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` may spell names as options."""
    found = dict(values)
    for name, value in changes.items():
        found[find_by_option(name, found) or name] = value
    return found


def _require_seen(overrides: Overrides) -> None:
    hidden = [f"--{option_name(name)}=..." for name, value in overrides.parameters.items() if HIDDEN in str(value)]
    hidden += [f"--{option_name(name)}=..." for name, uris in overrides.inputs.items() if HIDDEN in "".join(uris)]
    hidden += [f"--var {name}=..." for name, value in overrides.environment_variables.items() if HIDDEN in value]
    if hidden:
        raise UsageError(
            "some of its values were secrets, which are never recorded",
            hints=[f"give them again: {' '.join(hidden)}", "or with --env-file FILE, as the first time"],
        )
