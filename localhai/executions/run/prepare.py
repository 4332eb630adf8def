"""From `started` to a container that is ready: inputs, image, the /valohai tree, the container itself."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.containers import images, labels, limits, package_cache
from localhai.containers.engine import ContainerSpec, Mount
from localhai.containers.launching import launch
from localhai.containers.trees import canary
from localhai.containers.trees.canary import way_for
from localhai.containers.trees.layout import CONFIG, REPOSITORY, TreeContents
from localhai.errors import Interrupted
from localhai.executions.latest import creator_name
from localhai.executions.reading import asked_by, require_allowed
from localhai.executions.run import config_files, inputs
from localhai.executions.run.environment import container_variables, is_set, platform_variables
from localhai.executions.run.stop import Beside
from localhai.system.process import own_address
from localhai.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.containers.engine import Engine, Image, PullProgress
    from localhai.containers.trees.layout import FileTree
    from localhai.executions.run.context import GroupMember, RunContext

SCRIPT = ".command"
SHEBANG = "#!"
SHELL = "/bin/sh"
CLEAN_IGNORED = "VH_CLEAN is ignored: it would empty caches that others use too; localhai clean --cache does so"


def prepare(context: RunContext) -> str:
    """Make the container of an execution, not yet started; gives its id.

    Raises InputNotFound, ImageNotFound, DiskFull, EngineNotFound and other SurroundingsErrors; Interrupted when
    somebody asked to stop meanwhile. What was made until then is known to `context`, for `finalize` to remove.
    """
    if is_set(context.plan.environment_variables, "VH_CLEAN"):  # platform.md 2.3
        context.capture.status(CLEAN_IGNORED)
    records, wanted = context.home.records, context.record.id
    context.stop_wished = Beside(lambda: records.executions.stop_requested(wanted)).look
    require_allowed(context.home, context.settings, context.plan, asked_by(context))
    if context.options.calls is not None:
        context.calls = context.options.calls(context.record.id)
    context.image = image = _image(context)
    inputs.fetch(context)
    _check(context)
    if context.options.member is not None:
        context.options.member.join(context, _ports(context))
    engine, contents = context.home.engine, tree_contents(context)
    wanted_way = way_for(contents, context.settings.files, context.capture.status)
    context.tree = canary.choose(engine, context.home.folder, image, wanted=wanted_way)
    spec = container_spec(context, image, context.tree, context.tree.prepare(contents))
    container = context.container = engine.create(spec)
    if context.plan.script.startswith(SHEBANG) and not _has_shell(engine, container):
        engine.remove(container)
        container = context.container = engine.create(replace(spec, command=(f"{CONFIG}/{SCRIPT}",)))
    context.update(container_id=container)
    context.tree.fill(container)
    return container


def _check(context: RunContext) -> None:
    if context.is_asked_to_stop():
        raise Interrupted("it was stopped before its container started")


def _image(context: RunContext) -> Image:
    image = images.ensure(
        context.home.engine,
        context.plan.image,
        _pull_policy(context),
        progress=lambda event: _tell_pull(context, event),
        notify=context.capture.status,
        locks=context.home.folder / "cache" / "locks",
        cancelled=context.is_asked_to_stop,
    )
    context.update(image_digest=image.digest)
    return image


def _pull_policy(context: RunContext) -> str:
    always = is_set(context.plan.environment_variables, "VH_NO_IMAGE_CACHE")
    return "always" if always else context.options.pull


def _tell_pull(context: RunContext, event: PullProgress) -> None:
    _check(context)
    context.observer.progress("image", event.image, event.current, event.total or None)


def _has_shell(engine: Engine, container: str) -> bool:
    """A script that names its interpreter needs no shell, and some images have none."""
    try:
        with contextlib.closing(engine.get_archive(container, SHELL)) as archive:  # type: ignore[type-var]
            next(archive)
    except FileNotFoundError:
        return False
    return True


def tree_contents(context: RunContext) -> TreeContents:
    """What the container finds under /valohai."""
    return TreeContents(
        repository=context.snapshot.path if context.snapshot is not None else context.scratch,
        inputs={f"{file.input}/{file.name}": file.path for file in context.inputs},
        config=_config(context),
        outputs=context.folder / "outputs",
        scratch=context.scratch,
        labels=execution_labels(context),
        key=context.record.id,
    )


def execution_labels(context: RunContext) -> dict[str, str]:
    return labels.build(execution=context.record.id, project=context.project.name, home=context.home.id)


def _config(context: RunContext) -> dict[str, bytes]:
    """The ten files of platform.md 2.4, and beside them, hidden, the command as one script."""
    record, plan = context.record, context.plan
    info = context.home.engine.info()
    files = config_files.config_files(
        {
            "execution": config_files.execution_config(
                execution_id=record.id,
                counter=record.counter,
                commit=plan.commit or "",
                created=record.created.replace("Z", "+00:00"),
                image=plan.image,
                step=plan.step,
                tags=plan.tags,
                title=plan.title,
                project_id=context.project.id,
                project=context.project.name,
                creator=creator_name(context.settings, context.options.creator),
                environment_id=context.project.id,
                environment=plan.environment,
                belonging=context.options.belonging,
            ),
            "inputs": {
                **config_files.inputs_config([item.name for item in plan.inputs], context.inputs),
                **inputs.on_demand_config(record.id, context.on_demand),
            },
            "parameters": dict(plan.parameters),
            "runtime": config_files.runtime_config(engine=info.name, version=info.version, localhai=__version__),
            # without an address valohai-utils warns once where a step sets a status detail
            "api": dict(context.calls),
            **({"distributed": context.options.member.config()} if context.options.member is not None else {}),
        }
    )
    files[SCRIPT] = plan.script.encode() + b"\n"
    return files


def container_name(execution_id: str) -> str:
    """By which recovery tells it from helpers with the same labels."""
    return f"localhai-{execution_id}"


def container_spec(context: RunContext, image: Image, tree: FileTree, mounts: tuple[Mount, ...]) -> ContainerSpec:
    """The container of an execution, with a tree that is prepared and gave `mounts`."""
    plan, record = context.plan, context.record
    packages = package_cache.NONE
    if context.options.package_cache:
        packages = package_cache.prepare(context.home.engine, context.home.folder, image, tree, user=asked_by(context))
    limited, member = _limits(context), context.options.member
    platform = platform_variables(
        execution_id=record.id,
        project_id=context.project.id,
        address=own_address(),
        belonging=context.options.belonging,
    )
    return ContainerSpec(
        name=container_name(record.id),
        image=image.id,
        command=_command(context),
        environment=container_variables(
            platform if member is None else {**platform, **member.variables()},
            helpful=packages.environment,
            planned=plan.environment_variables,
            secret=context.options.secrets,
        ),
        labels=execution_labels(context),
        mounts=(*mounts, *packages.mounts, *_own_mounts(context)),
        working_dir=REPOSITORY,
        **limited,
    )


def _limits(context: RunContext) -> Mapping[str, Any]:
    """The step's resources as the engine takes them; what cannot be given as asked is said."""
    wanted = context.plan.limits
    found = limits.container_limits(
        context.settings,
        context.home.engine.info(),
        cpu_max=wanted.cpu_max,
        memory_min=wanted.memory_min,
        memory_max=wanted.memory_max,
        devices=wanted.devices or {},
        variables=context.plan.environment_variables,
    )
    for note in found.notes:
        context.capture.status(note)
    return found.fields if context.options.member is None else _of_member(context, context.options.member, found.fields)


def _of_member(context: RunContext, member: GroupMember, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Members share a network of their own instead of this machine's: side by side, they would want the same ports."""
    asked = [name for name in ("VH_DOCKER_NETWORK", "VH_EXPOSE_PORTS") if name in context.plan.environment_variables]
    if asked:
        context.capture.status(
            f"approximated: {', '.join(asked)}: the members of a distributed task share a Docker network of their own"
            " and reach every port of one another; none is published on this machine"
        )
    kept = {name: value for name, value in fields.items() if name not in {"network", "ports"}}
    return {**kept, "network": member.network}


def _ports(context: RunContext) -> list[int]:
    """What the step exposes, inside of its container."""
    return list(limits.exposed_ports(context.plan.environment_variables))


def _command(context: RunContext) -> tuple[str, ...]:
    """In bash where the image has it: official examples use `source` in images whose sh has none (platform.md 1.4)."""
    has_interpreter = context.plan.script.startswith(SHEBANG)
    return launch(f"{CONFIG}/{SCRIPT}", context.settings.stop_grace, has_interpreter=has_interpreter)


def _own_mounts(context: RunContext) -> tuple[Mount, ...]:
    """The step's `mounts`: the plan has them only where settings allow them."""
    return tuple(Mount(mount.source, mount.destination, read_only=mount.readonly) for mount in context.plan.mounts)
