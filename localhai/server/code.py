"""Commits of a project: those of its folder's git repository, and ad-hoc packages that clients uploaded.

And the project opened over the code of one of them, as requests run it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from localhai.errors import ProjectError, UsageError
from localhai.executions.project_context import ProjectContext
from localhai.executions.run.context import Creator, RunOptions
from localhai.executions.run.secrets import read_env_file
from localhai.pipelines.sources import Sources
from localhai.project import git, snapshot
from localhai.project.config import load_config
from localhai.project.folder import ProjectFolder
from localhai.records.packages import Package
from localhai.records.times import text
from localhai.server.errors import field
from localhai.system import durable
from localhai.system.text import path_of
from localhai.vocabulary import YAML

if TYPE_CHECKING:
    from localhai.project.config import ProjectConfig
    from localhai.project.snapshot import Snapshot
    from localhai.records import Project
    from localhai.server.state import State

NOTEBOOK_YAML = ".notebook.valohai.yaml"  # of packages that the server makes itself: they are no commits of anybody's
ABANDONED = 86_400.0  # seconds
LARGEST_PACKAGE = 1 << 30  # bytes compressed; `vh` refuses to send more
_identifier_re = re.compile(r"~[0-9a-f]{64}")


class Commit(Struct, frozen=True):
    """A commit as clients see it. `ref` is a branch, `adhoc` for an upload."""

    project_id: str
    identifier: str
    time: str
    ref: str
    description: str
    yaml_path: str = YAML

    @property
    def adhoc(self) -> bool:
        return self.identifier.startswith("~")


def commits(state: State, project: Project, *, adhoc: bool | None = None) -> list[Commit]:
    """Newest first; only uploads, or only those of the repository, if asked."""
    found: list[Commit] = []
    if adhoc is not True:
        found += _of_repository(state, project)
    if adhoc is not False:
        rows = state.records.packages.list(project.id)
        found += [_of_package(row) for row in rows if row.yaml_path != NOTEBOOK_YAML]
    return sorted(found, key=lambda commit: commit.time, reverse=True)


def commit(state: State, project: Project, identifier: str) -> Commit | None:
    """By its whole identifier."""
    if identifier.startswith("~"):
        rows = state.records.packages.list(project.id, identifier)
        return _of_package(rows[0]) if rows else None
    return next((item for item in _of_repository(state, project) if item.identifier == identifier), None)


def code_of(state: State, project: Project, reference: str | None) -> Snapshot:
    """The files of a commit: an identifier, a branch; None is the newest. Raises Refused that names `commit`."""
    if not reference:
        newest = commits(state, project)
        if not newest:
            raise field("commit", "The project has no commits yet.", "required")
        reference = newest[0].identifier
    if reference.startswith("~"):
        rows = state.records.packages.list(project.id, reference)
        if rows:
            return _snapshot_of(state, rows[0])
        if (ran := _that_ran(state, project, reference)) is not None:
            return ran
    elif not reference.startswith("-") and _has_folder(state, project):
        with suppress(UsageError):
            return snapshot.checkout(Path(project.path), reference, state.home.code_cache)
    advice = "" if _of_repository(state, project) else f" {without_commits(state, project)}"
    raise field("commit", f"Object with identifier={reference} does not exist.{advice}", "does_not_exist")


def _that_ran(state: State, project: Project, identifier: str) -> Snapshot | None:
    """Files of the project's folder as they were when `localhai run` ran them. Those of other projects are not its."""
    if not _identifier_re.fullmatch(identifier) or not _has_folder(state, project):
        return None
    rows = state.home.records.executions.list(project.id, commit=identifier, limit=1, outputs=False)
    if not rows:
        return None
    yaml = str(rows[0].document.get("yaml") or YAML)
    with suppress(UsageError):  # not kept any more
        return snapshot.checkout(Path(project.path), identifier, state.home.code_cache, yaml=yaml)
    return None


def without_commits(state: State, project: Project) -> str:
    """Why a project has no commits of git, and what to do; names no folder of this machine."""
    if _has_folder(state, project):
        return f"The folder of project {project.name} has no git commits to be read here: commit, or add --adhoc."
    return (
        f"Project {project.name} was made by the API and has no git repository here: send your files with --adhoc, or"
        " link your folder to the project that `localhai run` or the server's --seed made of it: its commits are known."
    )


def config_document(state: State, project: Project, identifier: str) -> Any:
    """The same as parsed YAML, for clients that read it themselves."""
    from localhai.project.document import parse, read_bytes

    code = code_of(state, project, identifier)
    path = code.path / code.yaml
    return parse(read_bytes(path), code.yaml).data


class OpenCommit(Struct, frozen=True):
    """A commit of a project, opened for whoever asks to run something of it.

    `source` has those variables of the project in its settings that are no secrets.
    """

    state: State
    project: Project
    code: Snapshot
    source: ProjectContext
    secrets: Mapping[str, str]

    @property
    def config(self) -> ProjectConfig:
        """Its valohai.yaml. Raises ProjectError with every problem in it."""
        verdicts = self.source.home.folder / "cache" / "verdicts"
        return load_config(self.code.path / self.code.yaml, verdicts=verdicts)

    def sources(self) -> Sources:
        """The code of a pipeline and of its nodes."""
        return _Uploaded(self)

    def options(self, creator: Creator | None) -> RunOptions:
        """How the settings say that steps run; secret variables of the project are secrets like those of a file.

        `creator` is the user who asks.
        """
        settings, calls = self.source.settings, self.state.calls
        secrets = read_env_file(settings.env_file) if settings.env_file else {}
        return RunOptions(
            pull=settings.pull,
            secrets={**secrets, **self.secrets},
            env_file=str(settings.env_file) if settings.env_file else None,
            package_cache=settings.package_cache,
            creator=creator,
            calls=lambda execution_id: calls.of(execution_id, settings.network),
        )


def open_commit(state: State, project: Project, reference: str | None, *, inherits: bool = True) -> OpenCommit:
    """By its identifier or a branch; None is the newest. Raises Refused that names `commit`.

    Without `inherits` the project's variables are left out.
    """
    code = code_of(state, project, reference)
    home, folder = state.home_of(project), path_of(project.path)
    variables = state.records.variables.list(project.id) if inherits else []
    known = {item.name: item.value for item in variables if not item.secret}
    settings = replace(home.settings, environment_variables={**home.settings.environment_variables, **known})
    source = ProjectContext(home, ProjectFolder(folder, project.name, folder / code.yaml), settings, project)
    secrets = {item.name: item.value for item in variables if item.secret}
    return OpenCommit(state, project, code, source, secrets)


class _Uploaded(Sources):
    """Sources whose ad-hoc commits are packages that clients uploaded."""

    def __init__(self, opened: OpenCommit) -> None:
        super().__init__(opened.source, opened.code.identifier)
        self._snapshots[None] = opened.code
        self._opened = opened

    def snapshot(self, commit: str | None = None) -> Snapshot:
        """The code of a node."""
        if commit not in self._snapshots:
            self._snapshots[commit] = code_of(self._opened.state, self._opened.project, commit)
        return self._snapshots[commit]


def keep_package(state: State, project: Project, upload: BinaryIO, *, yaml_path: str, description: str) -> Commit:
    """Keep an upload and give its commit. Raises ProjectError, and then keeps nothing."""
    yaml_path = yaml_path or YAML
    if yaml_path.startswith("/") or ".." in yaml_path.split("/") or "\0" in yaml_path:
        raise field("yaml_path", "Not a path inside of the package.")
    folder = _packages(state, project.id)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".upload-{os.urandom(8).hex()}"
    try:
        identifier, size = _copy(upload, temporary)
        code = snapshot.unpacked(temporary, state.home.code_cache, identifier)
        if not (code / yaml_path).is_file():
            raise ProjectError(f"the package has no {yaml_path}", hints=["is there one in the project's folder?"])
        load_config(code / yaml_path, verdicts=state.home.folder / "cache" / "verdicts")
        durable.settle(temporary, folder / f"{identifier}.tgz")
    finally:
        temporary.unlink(missing_ok=True)
    row = Package(project.id, identifier, yaml_path, description, size, state.records.now())
    state.records.packages.put(row)
    return _of_package(row)


def forget_cut_uploads(state: State) -> None:
    """Remove what killed servers had taken in of packages; those of a living one are younger."""
    before = state.clock() - ABANDONED
    for path in (state.home.folder / "packages").glob("*/.upload-*"):
        with suppress(OSError):
            if path.stat().st_mtime < before:
                path.unlink()


def _copy(upload: BinaryIO, path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with open(path, "xb") as file:
        for piece in _pieces(upload):
            size += len(piece)
            if size > LARGEST_PACKAGE:
                raise ProjectError(f"the package is larger than {LARGEST_PACKAGE >> 20} MiB")
            digest.update(piece)
            file.write(piece)
    return f"~{digest.hexdigest()}", size


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(1 << 20):
        yield piece


def _packages(state: State, project_id: str) -> Path:
    return state.home.folder / "packages" / project_id


def _snapshot_of(state: State, row: Package) -> Snapshot:
    if not _identifier_re.fullmatch(row.identifier):
        raise field("commit", f"Object with identifier={row.identifier} does not exist.", "does_not_exist")
    file = _packages(state, row.project_id) / f"{row.identifier}.tgz"
    if not file.is_file():
        message = f"The package {row.identifier} was uploaded to the server of another home, which has it."
        raise field("commit", message, "does_not_exist")
    path = snapshot.unpacked(file, state.home.code_cache, row.identifier)
    return snapshot.Snapshot(row.identifier, path, "adhoc", True, None, None, 0, 0, yaml=row.yaml_path)


def _of_package(row: Package) -> Commit:
    return Commit(row.project_id, row.identifier, row.created, "adhoc", row.description, row.yaml_path)


def _of_repository(state: State, project: Project) -> list[Commit]:
    """Nothing where the folder is gone or in no repository: only uploads are its commits then."""
    if not _has_folder(state, project):
        return []
    try:
        found = git.history(Path(project.path))
    except (git.GitError, OSError):
        return []
    return [
        Commit(project.id, item.sha, text(datetime.fromtimestamp(item.time, timezone.utc)), item.branch, item.subject)
        for item in found
    ]


def _has_folder(state: State, project: Project) -> bool:
    """Whether a person works in it. Those of the API are folders of the home, which may lie in a repository itself."""
    return not Path(project.path).is_relative_to(state.home.folder)
