"""A second run of what ran: the same code, values and data, but for what is given now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.errors import LocalhaiError, UsageError
from localhai.executions.run.secrets import MASK
from localhai.project.names import find_by_option, option_name
from localhai.project.overrides import Overrides
from localhai.vocabulary import has_scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from valohai_yaml.objs import Step

    from localhai.executions.execution import Execution
    from localhai.executions.project_context import ProjectContext
    from localhai.project.config import ProjectConfig
    from localhai.project.plan import ExecutionPlan, PlannedInput
    from localhai.project.snapshot import Snapshot

HIDDEN = MASK.decode()


def execution_again(
    earlier: Execution, config: ProjectConfig, changes: Overrides, *, secrets: Collection[str] = ()
) -> Overrides:
    """What makes an execution again, by the step that `config` has of its name, with `changes` on top.

    `secrets` names variables that the runner gives. Raises UsageError for values that were masked when they were
    recorded and are not given again, and where its step or its folder is gone.
    """
    from localhai.project.planning import find_step

    plan = pinned(earlier.plan(), earlier.inputs)
    return repeated(plan, find_step(config.config, plan.step), changes, secrets=secrets)


def recorded_code(project: ProjectContext, commit: str | None) -> Snapshot:
    """The code that something ran with. Raises ProjectError and UsageError, which say how to do without."""
    try:
        return project.snapshot(commit)
    except LocalhaiError as error:
        error.hints = (*error.hints, "--current runs your files as they are now")
        raise


def recorded_env_file(document: Mapping[str, Any], say: Callable[[str], None]) -> str | None:
    """The file that the secrets of something that ran came from, if it is still there; else `say` hears so."""
    file = document.get("env_file")
    if file is not None and not Path(file).is_file():
        say(f"its secrets came from {file}, which is gone: give others with --env-file")
        return None
    return file


def differences(earlier: Execution, later: Execution) -> Iterator[str]:
    """What was not as the first time although nobody asked for it."""
    from localhai.executions.inspect.diff import diff

    before, after = earlier.to_dict(), later.to_dict()
    if before["image"] == after["image"] and before["image_digest"] != after["image_digest"]:
        yield f"the image {after['image']} has changed since #{earlier.counter}"
    names = diff(before, after, {"same": True})["inputs"]
    if names:
        yield f"not what #{earlier.counter} had: {', '.join(names)} (localhai diff {earlier.counter} {later.counter})"


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
