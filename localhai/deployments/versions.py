"""Versions of deployments: made of code, endpoints and files; their images built."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from localhai.data.files import InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.data.progress import waits_said
from localhai.data.uri import parse
from localhai.deployments.building import build, image_labels
from localhai.deployments.endpoint import check_files
from localhai.deployments.work import Work, work_id
from localhai.errors import InputNotFound, Interrupted, LocalhaiError, UsageError
from localhai.executions.reading import reach_of, recorded, requester_of
from localhai.executions.run.heartbeat import at_work, own_owner
from localhai.executions.run.stop import Interruption
from localhai.project import parity
from localhai.project.plan import ParityNote
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.data.files import InputFile
    from localhai.executions.project_context import ProjectContext
    from localhai.executions.run.context import RunOptions
    from localhai.executions.run.observer import Observer
    from localhai.project.snapshot import Snapshot
    from localhai.records.deployments import DeploymentVersion

FOLDER = "deployments"


def make_version(
    project: ProjectContext,
    *,
    deployment: str,
    endpoints: Sequence[tuple[Mapping[str, Any], Mapping[str, Sequence[str]]]],
    snapshot: Snapshot,
    name: str | None = None,
    aliases: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    requester: str | None = None,
    interruption: Interruption | None = None,
) -> DeploymentVersion:
    """Record a version. `endpoints` are (definition, URIs by file); files are fetched and known by content from now on.

    `requester` is the user of the server's API who asks for it, None the person at this machine.

    Raises UsageError, ProjectError, and InputNotFound for a file that cannot be had.
    """
    interruption = interruption or Interruption()
    documents = []
    for definition, given in endpoints:
        fetched = fetch(project, definition, check_files(definition, given), requester, interruption)
        files = [_recorded(item, fetched[str(item["name"])]) for item in definition.get("files") or ()]
        told = [to_builtins(note) for note in parity.notes("endpoint", definition)]
        documents.append((str(definition["name"]), {"definition": dict(definition), "files": files, "parity": told}))
    return project.home.records.deployments.create_version(
        project.record.id,
        deployment=deployment,
        commit=snapshot.identifier,
        endpoints=documents,
        name=name,
        aliases=aliases,
        document={"environment_variables": dict(variables or {}), **recorded(requester)},
    )


def fetch(
    project: ProjectContext,
    definition: Mapping[str, Any],
    uris: Mapping[str, str],
    requester: str | None,
    interruption: Interruption,
) -> dict[str, InputFile]:
    """The files of an endpoint in the cache, by name. Raises InputNotFound, UsageError, DiskFull, Interrupted."""
    specs = [InputSpec(name, (_address(uri),)) for name, uri in uris.items()]
    if not specs:
        return {}
    reach = reach_of(project.home, project.settings, project.record.id, requester)
    try:
        progress = waits_said(project.home.tell)
        fetched = fetch_inputs(specs, **reach, progress=progress, cancelled=interruption.is_asked)
    except InputNotFound as error:
        raise _file_not_found(str(definition["name"]), error) from error
    found: dict[str, InputFile] = {}
    for file in fetched.files:
        if file.input in found:
            raise UsageError(
                f"file {file.input} of endpoint {definition['name']} is one file, and {uris[file.input]} means several"
            )
        found[file.input] = file
    return found


def _file_not_found(endpoint: str, error: InputNotFound) -> InputNotFound:
    """The same of files: they are no inputs, and given by another option."""
    lines = [f"{name}: {uri}: {reason}" for name, uri, reason in error.missing]
    title = "a file" if len(lines) == 1 else f"{len(lines)} files"
    options = " ".join(dict.fromkeys(f"--file {name}=samples/{name}" for name, _, _ in error.missing))
    return InputNotFound(
        "\n  ".join([f"{title} of endpoint {endpoint} cannot be had:", *lines]),
        missing=error.missing,
        hints=[f"give files of this machine instead: {options}", *error.hints[1:]],
    )


def work_on(
    project: ProjectContext,
    version: DeploymentVersion,
    endpoint: str,
    snapshot: Snapshot,
    *,
    options: RunOptions,
    observer: Observer,
    interruption: Interruption,
) -> Work:
    """An endpoint of a version, ready to be built or served."""
    return Work(
        home=project.home,
        settings=project.settings,
        version=version,
        endpoint=endpoint,
        snapshot=snapshot,
        options=options,
        interruption=interruption,
        observer=observer,
        folder=project.home.folder / FOLDER / version.id / endpoint,
        labels=image_labels(version.id, endpoint, project.folder.name, project.home.id),
    )


def build_endpoint(project: ProjectContext, work: Work) -> str:
    """Build the image of an endpoint unless it is there; gives its reference. Raises LocalhaiError.

    UsageError when another process builds or serves it.
    """
    with at_work(work_id(work.version.id, work.endpoint)):
        return _build_endpoint(project, work)


def _build_endpoint(project: ProjectContext, work: Work) -> str:
    records, me = project.home.records, own_owner()
    if not records.deployments.hold_endpoint(work.version.id, work.endpoint, "building", me):
        raise UsageError(
            f"endpoint {work.endpoint} of version {work.version.name} is built or served by another process",
            hints=[f"localhai deployment stop {work.version.deployment}/{work.version.name}"],
        )
    try:
        endpoint = work.version.endpoint(work.endpoint)
        files = endpoint.files if endpoint is not None else ()
        told = endpoint.document.get("parity", ()) if endpoint is not None else ()
        said = parity.telling_sentence(strict_json.convert(told, tuple[ParityNote, ...]))
        if said:
            work.capture.status(said)
        uris, requester = {file.name: file.uri for file in files}, requester_of(work.version.document)
        fetched = fetch(project, work.definition, uris, requester, work.interruption)
        placed = [
            (posixpath.normpath(file.path), fetched[file.name].path, fetched[file.name].checksums.sha256)
            for file in files
        ]
        image = build(work, placed).reference
    except BaseException as error:
        said = error.message if isinstance(error, LocalhaiError) else f"{type(error).__name__}: {error}"
        status = "stopped" if isinstance(error, (Interrupted, KeyboardInterrupt)) else "error"
        records.deployments.change_endpoint(work.version.id, work.endpoint, status=status, error=said)
        raise
    records.deployments.change_endpoint(work.version.id, work.endpoint, status="built", image=image, error=None)
    return image


def _address(text: str) -> str:
    """A path of this machine as a whole one, since it is recorded; others as they are written."""
    try:
        uri = parse(text)
    except ValueError:  # said where it is resolved
        return text
    return str(Path(uri.key).expanduser().absolute()) if uri.scheme == "file" else text


def _recorded(item: Mapping[str, Any], file: InputFile) -> dict[str, Any]:
    return {
        "name": str(item["name"]),
        "path": str(item["path"]),
        "uri": file.uri,
        "size": file.size,
        "md5": file.checksums.md5,
        "sha1": file.checksums.sha1,
        "sha256": file.checksums.sha256,
        "datum": file.datum_id,
    }
