"""From a step of valohai.yaml and what was typed to an ExecutionPlan. Pure: no files, Docker, network or clock."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from localhai.errors import ProjectError, UsageError
from localhai.project import edges, names, parameters, parity
from localhai.project.faulty import find_sound, is_any_faulty
from localhai.project.overrides import Mistyped, Overrides, seconds, with_words
from localhai.project.plan import ExecutionPlan, Limits, ParityNote, PlannedInput, PlannedMount
from localhai.system import image_names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from valohai_yaml.objs import Config, Step
    from valohai_yaml.objs.input import Input

    from localhai.project.edges import Item

_URI_PARAMETER_RE = re.compile(r"{parameter:(.+?)}")


def plan(
    config: Config,
    step: str,
    overrides: Overrides | None = None,
    *,
    words: Sequence[str] = (),
    images: Mapping[str, str] | None = None,
    environment_variables: Mapping[str, str] | None = None,
    secrets: Collection[str] = (),
    mounts: bool = False,
    flag_defaults: bool = True,
    project: str | None = None,
    commit: str | None = None,
    look: bool = False,
) -> ExecutionPlan:
    """Everything an execution of `step` (a name or an unambiguous prefix of one) will be.

    `words` are what was typed for the step (`with_words`), over the overrides.
    `images` maps requested images, `*` allowed, to those that run; `environment_variables` are the project's;
    `secrets` names variables that the runner adds, in place of the project's and of defaults: they count as given but
    are never in a plan; `mounts` says whether mounts are allowed;
    `flag_defaults` whether flags that are not given take their defaults, as `vh` sends them.
    With `look` it is only looked at: what edges of pipelines bring may be missing, and is named in `awaiting`.
    Raises UsageError for what was typed (Mistyped for words), ProjectError for what valohai.yaml says.
    """
    try:
        found = find_step(config, step)
        overrides = with_words(overrides or Overrides(), found, words)
    except UsageError as error:
        if not words:
            raise
        raise Mistyped(error.message, where=error.where, hints=error.hints) from error
    awaited: Mapping[Item, str] = {}
    if look:
        awaited = edges.still_awaited(found, edges.brought_by_pipelines(config, found), _given(found, overrides))
        found = edges.relaxed(found, awaited)
    resolved = parameters.resolve(found, overrides.parameters, flag_defaults=flag_defaults)
    items, script = parameters.render(found, resolved.rendered)
    planned_mounts, mount_notes = _mounts(found, allowed=mounts)
    return ExecutionPlan(
        step=found.name,
        image=_image(found, overrides, images or {}),
        image_requested=found.image,
        command=items,
        script=script,
        parameters=resolved.values,
        inputs=_inputs(found, overrides.inputs, resolved.rendered),
        environment_variables=_variables(found, environment_variables or {}, secrets, overrides.environment_variables),
        environment=overrides.environment or found.environment,
        limits=_limits(found, overrides),
        mounts=planned_mounts,
        upload_store=found.upload_store,
        source_path=found.source_path,
        title=overrides.title,
        tags=tuple(overrides.tags),
        project=project,
        commit=commit,
        parity=_notes(found, overrides, mount_notes),
        awaiting={f"{kind} {name}": words for (kind, name), words in awaited.items()},
    )


def _given(step: Step, overrides: Overrides) -> set[Item]:
    """What was given for this run, by declared names."""
    lists: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
        ("input", overrides.inputs, step.inputs),
        ("parameter", overrides.parameters, step.parameters),
        ("environment-variable", overrides.environment_variables, step.environment_variables),
    )
    return {
        (kind, names.find_by_option(name, known) or name)
        for kind, given, known in lists
        for name, value in given.items()
        if value is not None
    }


def find_step(config: Config, wanted: str) -> Step:
    """The step with this name, or the only one whose name begins with it (any case of letters).

    Raises UsageError with the known steps, ProjectError when there are none or it has errors.
    """
    if not config.steps and not is_any_faulty(config, "step"):
        raise ProjectError("valohai.yaml has no steps", hints=["a step needs a name, an image and a command"])
    return config.steps[find_sound(config, "step", wanted)]


def stand_in_image(requested: str, images: Mapping[str, str]) -> str:
    """What the image map puts in place of an image: an exact entry first, else the first pattern that matches."""
    if requested in images:
        return images[requested]
    return next((image for pattern, image in images.items() if fnmatchcase(requested, pattern)), requested)


def _image(step: Step, overrides: Overrides, images: Mapping[str, str]) -> str:
    """Raises UsageError for a typed name that none can be, ProjectError for one of valohai.yaml or the image map."""
    image = overrides.image or stand_in_image(step.image, images)
    fault = image_names.fault(image)
    if fault is None:
        return image
    message = f"{image!r} is no name of an image: {fault}"
    if overrides.image:
        raise UsageError(message, where="--image")
    hints = [] if image == step.image else ["it stands under [images] in localhai.toml"]
    raise ProjectError(message, where=f"step {step.name}", hints=hints)


def _inputs(
    step: Step, explicit: Mapping[str, str | Sequence[str]], values: Mapping[str, Any]
) -> tuple[PlannedInput, ...]:
    given: dict[str, str | Sequence[str]] = {}
    for wanted, uris in explicit.items():
        name = names.find_by_option(wanted, step.inputs)
        if name is None:
            raise names.unknown("input", "inputs", wanted, list(step.inputs), of=f" in step {step.name}")
        given[name] = uris
    planned = tuple(_input(item, given.get(name, item.default), step, values) for name, item in step.inputs.items())
    missing = [item.name for item in planned if not item.uris and not item.optional]
    if missing:
        options = [f"--{names.option_name(name)}=URI" for name in missing]
        plural = "inputs need files" if len(missing) > 1 else "input needs a file"
        raise UsageError(f"{plural}: {names.listing(missing)}", where=f"step {step.name}", hints=[" ".join(options)])
    return planned


def _input(item: Input, uris: str | Sequence[str] | None, step: Step, values: Mapping[str, Any]) -> PlannedInput:
    written = [uris] if isinstance(uris, str) else list(uris or ())
    return PlannedInput(
        name=item.name,
        uris=tuple(_interpolate(uri.strip(), step, values) for uri in written if uri and uri.strip()),
        keep_directories=item.keep_directories.value,
        filename=item.filename,
        optional=item.optional,
        on_demand=item.download.value == "on-demand",
    )


def _interpolate(uri: str, step: Step, values: Mapping[str, Any]) -> str:
    """`{parameter:NAME}` becomes the plain value (platform.md 1.4). Without a value it stays as written.

    Quoting and lists are unconfirmed: nothing is quoted, lists are joined by the parameter's separator.
    """

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            return match[0]
        value = values[name]
        if isinstance(value, list):
            return str(step.parameters[name].multiple_separator).join(map(str, value))
        return str(value)

    return _URI_PARAMETER_RE.sub(replace, uri)


def _variables(
    step: Step, project: Mapping[str, str], secrets: Collection[str], explicit: Mapping[str, str]
) -> dict[str, str]:
    """Project < step default < secret file < explicit (platform.md 1.6; the order of the first two is unconfirmed).

    What a secret takes the place of is left out: its value is not for a plan.
    """
    defaults = {name: item.default for name, item in step.environment_variables.items() if item.default is not None}
    known = {name: value for name, value in {**project, **defaults}.items() if name not in secrets}
    variables = {**known, **explicit}
    missing = [
        name
        for name, item in step.environment_variables.items()
        if not item.optional and name not in variables and name not in secrets
    ]
    if missing:
        plural = "environment variables need values" if len(missing) > 1 else "an environment variable needs a value"
        raise UsageError(
            f"{plural}: {names.listing(missing)}",
            where=f"step {step.name}",
            hints=[
                " ".join(f"--var {name}=..." for name in missing),
                "or give them to every execution: [environment.variables] in localhai.toml, or an environment file",
            ],
        )
    return variables


def _limits(step: Step, overrides: Overrides) -> Limits:
    time_limit = overrides.time_limit
    resources = step.resources
    devices = resources.devices.devices
    return Limits(
        time_limit=seconds(time_limit) if time_limit is not None else _total_seconds(step.time_limit),
        no_output_timeout=_total_seconds(step.no_output_timeout),
        stop_condition=step.stop_condition,
        cpu_min=resources.cpu.min,
        cpu_max=resources.cpu.max if overrides.cpu_max is None else overrides.cpu_max,
        memory_min=resources.memory.min,
        memory_max=resources.memory.max if overrides.memory_max is None else overrides.memory_max,
        devices=None if devices is None else dict(devices),
    )


def _total_seconds(duration: Any) -> float | None:
    return None if duration is None else float(duration.total_seconds())


def _mounts(step: Step, *, allowed: bool) -> tuple[tuple[PlannedMount, ...], tuple[ParityNote, ...]]:
    if not step.mounts:
        return (), ()
    if not allowed:
        return (), (parity.MOUNTS_REFUSED,)
    local = [mount for mount in step.mounts if mount.type is None]
    return tuple(PlannedMount(mount.source, mount.destination, mount.readonly, mount.type) for mount in local), ()


def _notes(step: Step, overrides: Overrides, mount_notes: tuple[ParityNote, ...]) -> tuple[ParityNote, ...]:
    used = step.serialize()
    if overrides.environment:
        used["environment"] = overrides.environment
    if overrides.environment_variable_groups:
        used["environment-variable-groups"] = list(overrides.environment_variable_groups)
    notes = parity.step_notes(used)
    if parity.MOUNTS_REFUSED in mount_notes:
        notes = tuple(note for note in notes if note.key.partition(".")[0] != "mounts")
    return notes + mount_notes
