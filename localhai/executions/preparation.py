"""From `started` to a container that is ready: inputs, image, the /valohai tree, the container itself."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.containers import canary, images, labels, limits, package_cache
from localhai.containers.apart import way_for
from localhai.containers.engine import ContainerSpec, Mount
from localhai.containers.launching import launch
from localhai.containers.tree import CONFIG, REPOSITORY, InputPlacement, TreeContents
from localhai.data.inputs import fetch_inputs
from localhai.errors import Interrupted
from localhai.executions import config_files, on_demand
from localhai.executions.beside import NowAndThen
from localhai.executions.environment import container_variables, platform_variables
from localhai.executions.fetch_progress import FetchReporter
from localhai.executions.input_specs import input_specs
from localhai.executions.latest import creator_name
from localhai.executions.reading import Reading, asked_by, require_allowed
from localhai.system.network import own_address
from localhai.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.containers.engine import Engine, Image, PullProgress
    from localhai.containers.tree import FileTree
    from localhai.data.files import InputFile, OnDemandFile
    from localhai.executions.life import GroupMember, Life

SCRIPT = ".command"
SHEBANG = "#!"
SHELL = "/bin/sh"
TRUE_WORDS = frozenset({"1", "yes", "true"})
CLEAN_IGNORED = "VH_CLEAN is ignored: it would empty caches that others use too; localhai clean --cache does so"


def prepare(life: Life) -> None:
    """Make the container of an execution, not yet started.

    Raises InputNotFound, ImageNotFound, DiskFull, EngineNotFound and other SurroundingsErrors; Interrupted when
    somebody asked to stop meanwhile. What was made until then is known to `life`, for `ending` to remove.
    """
    if _is_true(life, "VH_CLEAN"):  # platform.md 2.3
        life.capture.status(CLEAN_IGNORED)
    records, wanted = life.home.records, life.record.id
    life.stop_wished = NowAndThen(lambda: records.stop_requested(wanted)).heard
    require_allowed(life.home, life.settings, life.plan, asked_by(life))
    if life.options.calls is not None:
        life.calls = life.options.calls(life.record.id)
    life.image = image = _image(life)
    fetch(life)
    _check(life)
    if life.options.member is not None:
        life.options.member.join(life, _ports(life))
    _make_container(life, image)


def _check(life: Life) -> None:
    if life.is_asked_to_stop():
        raise Interrupted("it was stopped before its container started")


def _image(life: Life) -> Image:
    image = images.ensure(
        life.home.engine,
        life.plan.image,
        _pull_policy(life),
        progress=lambda event: _tell_pull(life, event),
        notify=life.capture.status,
        locks=life.home.folder / "cache" / "locks",
        cancelled=life.is_asked_to_stop,
    )
    life.update(image_digest=image.digest)
    return image


def _pull_policy(life: Life) -> str:
    return "always" if _is_true(life, "VH_NO_IMAGE_CACHE") else life.options.pull


def _is_true(life: Life, variable: str) -> bool:
    return life.plan.environment_variables.get(variable, "").lower() in TRUE_WORDS


def _tell_pull(life: Life, event: PullProgress) -> None:
    _check(life)
    life.observer.progress("image", event.image, event.current, event.total or None)


def fetch(life: Life) -> None:
    """Bring the inputs of an execution into the cache and record them. Raises InputNotFound, DiskFull, Interrupted."""
    on_call = on_demand.ENDPOINT in life.calls
    specs = input_specs(life.plan, life.settings, on_demand=on_call)
    if specs:
        reading = Reading.of(life.home, life.settings, life.project.id, asked_by(life))
        reading.addresses.prefetch([uri for spec in specs for uri in spec.uris])
        fetched = fetch_inputs(
            specs,
            **reading.arguments,
            progress=FetchReporter(life),
            cancelled=life.is_asked_to_stop,
            pins=life.hold_inputs(),
            refresh=_is_true(life, "VH_NO_DATA_CACHE"),
        )
        for note in fetched.notes:
            life.capture.status(note)
        life.inputs, life.on_demand = fetched.files, fetched.on_demand
        if life.on_demand:
            on_demand.remember(life.folder, life.record.id, life.on_demand)
    life.record_inputs(_recorded_inputs(life))


def _recorded_inputs(life: Life) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = {item.name: [] for item in life.plan.inputs}
    files: list[InputFile | OnDemandFile] = [*life.inputs, *life.on_demand]
    for file in files:
        sums = file.checksums
        found[file.input].append(
            {
                "name": file.name,
                "uri": life.masker.mask_text(file.uri),
                "size": file.size,
                "md5": sums.md5 if sums else None,
                "sha1": sums.sha1 if sums else None,
                "sha256": sums.sha256 if sums else None,
                **({"stand_in": life.masker.mask_text(file.stand_in)} if file.stand_in else {}),
            }
        )
    return [{"name": name, "files": files} for name, files in found.items()]


def _make_container(life: Life, image: Image) -> None:
    engine = life.home.engine
    contents = tree_contents(life)
    wanted = way_for(contents, life.settings.files, life.capture.status)
    life.tree = canary.choose(engine, life.home.folder, image, wanted=wanted)
    spec = container_spec(life, image, life.tree, life.tree.prepare(contents))
    life.container = engine.create(spec)
    if life.plan.script.startswith(SHEBANG) and not _has_shell(engine, life.container):
        engine.remove(life.container)
        life.container = engine.create(replace(spec, command=(f"{CONFIG}/{SCRIPT}",)))
    life.update(container_id=life.container)
    life.tree.fill(life.container)


def _has_shell(engine: Engine, container: str) -> bool:
    """A script that names its interpreter needs no shell, and some images have none."""
    try:
        with contextlib.closing(engine.get_archive(container, SHELL)) as archive:  # type: ignore[type-var]
            next(archive)
    except FileNotFoundError:
        return False
    return True


def tree_contents(life: Life) -> TreeContents:
    """What the container finds under /valohai."""
    return TreeContents(
        repository=life.snapshot.path if life.snapshot is not None else life.scratch,
        inputs=tuple(InputPlacement(f"{file.input}/{file.name}", file.path) for file in life.inputs),
        config=_config(life),
        outputs=life.folder / "outputs",
        scratch=life.scratch,
        labels=execution_labels(life),
        key=life.record.id,
    )


def execution_labels(life: Life) -> dict[str, str]:
    return labels.build(execution=life.record.id, project=life.project.name, home=life.home.id)


def _config(life: Life) -> dict[str, bytes]:
    """The ten files of platform.md 2.4, and beside them, hidden, the command as one script."""
    record, plan = life.record, life.plan
    info = life.home.engine.info()
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
                project_id=life.project.id,
                project=life.project.name,
                creator=creator_name(life.settings),
                environment_id=life.project.id,
                environment=plan.environment,
                belonging=life.options.belonging,
            ),
            "inputs": {
                **config_files.inputs_config([item.name for item in plan.inputs], life.inputs),
                **on_demand.config(record.id, life.on_demand),
            },
            "parameters": dict(plan.parameters),
            "runtime": config_files.runtime_config(engine=info.name, version=info.version, localhai=__version__),
            # without an address valohai-utils warns once where a step sets a status detail
            "api": dict(life.calls),
            **({"distributed": life.options.member.config()} if life.options.member is not None else {}),
        }
    )
    files[SCRIPT] = plan.script.encode() + b"\n"
    return files


def container_name(execution_id: str) -> str:
    """By which recovery tells it from helpers with the same labels."""
    return f"localhai-{execution_id}"


def container_spec(life: Life, image: Image, tree: FileTree, mounts: tuple[Mount, ...]) -> ContainerSpec:
    """The container of an execution, with a tree that is prepared and gave `mounts`."""
    plan, record = life.plan, life.record
    packages = package_cache.NONE
    if life.options.package_cache:
        packages = package_cache.prepare(life.home.engine, life.home.folder, image, tree, user=asked_by(life))
    limited, member = _limits(life), life.options.member
    platform = platform_variables(
        execution_id=record.id, project_id=life.project.id, address=own_address(), belonging=life.options.belonging
    )
    return ContainerSpec(
        name=container_name(record.id),
        image=image.id,
        command=_command(life),
        environment=container_variables(
            platform if member is None else {**platform, **member.variables()},
            helpful=packages.environment,
            planned=plan.environment_variables,
            secret=life.options.secrets,
        ),
        labels=execution_labels(life),
        mounts=(*mounts, *packages.mounts, *_own_mounts(life)),
        working_dir=REPOSITORY,
        **limited,
    )


def _limits(life: Life) -> Mapping[str, Any]:
    """The step's resources as the engine takes them; what cannot be given as asked is said."""
    wanted, info = life.plan.limits, life.home.engine.info()
    found = limits.engine_limits(
        cpu_max=wanted.cpu_max,
        memory_min=wanted.memory_min,
        memory_max=wanted.memory_max,
        devices=dict(wanted.devices or ()),
        variables=life.plan.environment_variables,
        network=life.settings.network,
        engine_cpus=info.cpus,
        engine_memory=info.memory,
        pids=life.settings.pids_limit if info.counts_pids else None,
        new_privileges=not life.settings.no_new_privileges,
    )
    for note in found.notes:
        life.capture.status(note)
    fields = {**limits.engine_options(life.settings, info.memory), **found.fields}
    return fields if life.options.member is None else _of_member(life, life.options.member, fields)


def _of_member(life: Life, member: GroupMember, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Members share a network of their own instead of this machine's: side by side, they would want the same ports."""
    asked = [name for name in ("VH_DOCKER_NETWORK", "VH_EXPOSE_PORTS") if name in life.plan.environment_variables]
    if asked:
        life.capture.status(
            f"approximated: {', '.join(asked)}: the members of a distributed task share a Docker network of their own"
            " and reach every port of one another; none is published on this machine"
        )
    kept = {name: value for name, value in fields.items() if name not in {"network", "ports"}}
    return {**kept, "network": member.network}


def _ports(life: Life) -> list[int]:
    """What the step exposes, inside of its container."""
    return list(limits.engine_limits(variables=life.plan.environment_variables).fields.get("ports", ()))


def _command(life: Life) -> tuple[str, ...]:
    """In bash where the image has it: official examples use `source` in images whose sh has none (platform.md 1.4)."""
    has_interpreter = life.plan.script.startswith(SHEBANG)
    return launch(f"{CONFIG}/{SCRIPT}", life.settings.stop_grace, has_interpreter=has_interpreter)


def _own_mounts(life: Life) -> tuple[Mount, ...]:
    """The step's `mounts`: the plan has them only where settings allow them."""
    return tuple(Mount(mount.source, mount.destination, read_only=mount.readonly) for mount in life.plan.mounts)
