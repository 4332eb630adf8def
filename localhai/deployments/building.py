"""The image of an endpoint: its own image, the repository, the files, the requirements (platform.md 9)."""

from __future__ import annotations

import hashlib
import shlex
from typing import TYPE_CHECKING, Any

from localhai.containers import images, labels, package_cache
from localhai.containers.engine import ContainerSpec
from localhai.containers.trees import archives, canary, ownership
from localhai.containers.trees.archives import ArchiveMember
from localhai.containers.trees.layout import REPOSITORY
from localhai.errors import Interrupted, LocalhaiError
from localhai.project.planning import stand_in_image
from localhai.system import strict_json
from localhai.system.locks import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from localhai.containers.engine import Image
    from localhai.deployments.work import Work
    from localhai.executions.project_context import ProjectContext

REQUIREMENTS = ("requirements-deployment.txt", "requirements.txt")
NAME = "localhai/deployment"
BUILD = "/valohai/.build"


def look_at_images(
    project: ProjectContext, definitions: Sequence[Mapping[str, Any]], policy: str, say: Callable[[str], None]
) -> None:
    """Pull what several endpoints need before the first is built. Raises ImageNotFound with all that cannot be had."""
    needed: dict[str, list[str]] = {}
    for item in definitions:
        users = needed.setdefault(stand_in_image(str(item["image"]), project.settings.images), [])
        users.append(f"endpoint {item['name']}")
    home = project.home
    images.ensure_all(home.engine, needed, policy, notify=say, locks=home.folder / "cache" / "locks")


def build(work: Work, files: Sequence[tuple[str, Path, str]]) -> Image:
    """The image, made unless one of the same contents is there. `files` are (path, file here, sha256).

    Raises ImageNotFound, Interrupted, and LocalhaiError when the requirements cannot be installed.
    """
    home, definition = work.home, work.definition
    engine, locks = home.engine, home.folder / "cache" / "locks"
    wanted = stand_in_image(definition["image"], work.settings.images)
    if wanted != definition["image"]:
        work.capture.status(f"the image {definition['image']} is replaced by {wanted} ([images] in localhai.toml)")
    notify, cancelled = work.capture.status, work.interruption.is_asked
    base = images.ensure(engine, wanted, work.options.pull, notify=notify, locks=locks, cancelled=cancelled)
    repository = work.snapshot.path
    requirements = next((name for name in REQUIREMENTS if (repository / name).is_file()), None)
    facts = [base.id, work.snapshot.identifier, [(path, sha256) for path, _, sha256 in files], requirements]
    reference = f"{NAME}:{hashlib.sha256(strict_json.dumps(facts).encode()).hexdigest()[:24]}"
    with alone(f"build {engine.info().place} {reference}", locks, cancelled=cancelled):
        found = engine.image(reference)
        if found is not None:
            work.capture.status("the image was built before")
            return found
        return _make(work, base, reference, files, requirements)


def _make(
    work: Work, base: Image, reference: str, files: Sequence[tuple[str, Path, str]], requirements: str | None
) -> Image:
    engine = work.home.engine
    cache = package_cache.NONE
    if requirements is not None and work.options.package_cache:
        tree = canary.choose(engine, work.home.folder, base, wanted=work.settings.files)
        cache = package_cache.prepare(engine, work.home.folder, base, tree, user=work.options.requester)
    spec = ContainerSpec(
        name=f"localhai-build-{work.version.id}-{work.endpoint}",
        image=base.id,
        command=("/bin/sh", f"{BUILD}/install"),
        labels={**work.labels, labels.BASE_SIZE: str(base.size)},
        mounts=cache.mounts,
        working_dir=REPOSITORY,
        network=work.settings.network,
        pids=work.settings.pids_limit if engine.info().counts_pids else None,
        new_privileges=not work.settings.no_new_privileges,
    )
    container = engine.create(spec)
    try:
        opened = not ownership.is_root(base.user)
        variables = {**cache.environment, **work.settings.environment_variables, **work.options.secrets}
        install = None if requirements is None else _install(requirements, variables)
        engine.put_archive(container, "/", archives.pack(_entries(work.snapshot.path, files, opened, install)))
        if install is not None:
            _run(work, container, str(requirements))
        return engine.commit(container, reference)
    finally:
        engine.remove(container)


def _run(work: Work, container: str, requirements: str) -> None:
    engine = work.home.engine
    work.capture.status(f"installing {requirements}")
    output = engine.attach(container)
    engine.start(container)
    work.pump(output)
    if work.interruption.asked:  # whoever made the container removes it, and what still runs in it ends
        raise Interrupted(f"interrupted while the image of endpoint {work.endpoint} was built")
    if work.capture.trouble is not None:
        raise work.capture.trouble
    code = engine.wait(container)
    if code != 0:
        raise LocalhaiError(
            f"{requirements} could not be installed into the image of endpoint {work.endpoint}",
            where=f"endpoint {work.endpoint}",
            hints=work.last_lines(),
        )


def _install(requirements: str, variables: Mapping[str, str]) -> bytes:
    """The script that installs. Variables may be secret: it deletes itself, so no image holds it."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    command = f"pip install --disable-pip-version-check --user -r {requirements}"
    return "\n".join(["{", f"rm -f {BUILD}/install", *lines, command, "exit", "}", ""]).encode()


def _entries(
    repository: Path, files: Sequence[tuple[str, Path, str]], opened: bool, install: bytes | None
) -> Iterator[ArchiveMember]:
    yield ArchiveMember("valohai")
    yield from archives.tree_entries(repository, REPOSITORY[1:], opened=opened)
    made: set[str] = set()
    for place, path, _ in files:
        folders = place.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            folder = "/".join(folders[:depth])
            if folder not in made and not (repository / folder).is_dir():
                made.add(folder)
                yield ArchiveMember(f"{REPOSITORY[1:]}/{folder}", mode=0o777 if opened else 0o755)
        yield ArchiveMember(f"{REPOSITORY[1:]}/{place}", path, 0o644)
    if install is not None:
        yield ArchiveMember(BUILD[1:], mode=0o777)
        yield ArchiveMember(f"{BUILD[1:]}/install", install, 0o644)


def image_labels(version: str, endpoint: str, project: str, home: str) -> dict[str, Any]:
    """Labels of what belongs to an endpoint of a version; the owner is this process."""
    return {
        labels.DEPLOYMENT: version,
        labels.ENDPOINT: endpoint,
        labels.PROJECT: project,
        labels.HOME: home,
        labels.OWNER: labels.write_owner(labels.own_owner()),
    }
