"""Which folder the name of a project means, for whoever knows only names: Airflow in dev mode, and its check of DAGs.

Looks at variables, files and folders; changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from localhai.errors import LocalhaiError, UsageError
from localhai.vocabulary import YAML

VARIABLE = "LOCALHAI_PROJECTS"
_SUFFICIENT = 12  # names told in a message


class Places(Struct, frozen=True):
    """Where to look: the connection's extra, folders that may hold a localhai.toml, and projects that ran before.

    `beside` is the folder of the DAG's file: DAG and project are often one repository. `known` gives (name, path). The
    connection is looked up, a question to Airflow's database, when no earlier place knows the project.
    """

    extra: Callable[[], Mapping[str, Any]] = dict
    settings_folders: Sequence[Path] = ()
    beside: Path | None = None
    known: Callable[[], Sequence[tuple[str, str]]] = tuple
    environ: Mapping[str, str] | None = None

    @classmethod
    def around(cls, beside: Path | None, *folders: Path, **more: Any) -> Places:
        """In the folder of a DAG's file and above it, in the working directory, and in `folders`."""
        above = [] if beside is None else [beside, *beside.parents]
        return cls(settings_folders=[*above, Path.cwd(), *folders], beside=beside, **more)


class FoundProject(Struct, frozen=True):
    """The folder, and who said so."""

    folder: Path
    source: str


def find(name: str, places: Places) -> FoundProject:
    """The folder of a project. Raises UsageError that says all that was tried, or that the name is ambiguous."""
    tried: list[str] = []
    for source, pairs in _candidates(places):
        try:
            listed = list(pairs())
        except LocalhaiError as error:
            tried.append(f"{source}: {error.message}")
            continue
        folders = list(dict.fromkeys(folder for known, folder in listed if known == name))
        if len(folders) > 1:
            raise UsageError(
                f"{len(folders)} projects have the name {name!r}: {', '.join(map(str, folders))}",
                where=source,
                hints=[f"say which one is meant: {VARIABLE}={name}=PATH"],
            )
        if folders:
            if (folders[0] / YAML).is_file():
                return FoundProject(folders[0], source)
            tried.append(f"{source}: {folders[0]} has no {YAML}")
            continue
        tried.append(f"{source}: {_names(known for known, _ in listed)}")
    raise UsageError(
        f"no folder is known for the project {name!r}",
        hints=[*(f"tried {line}" for line in tried), f"set {VARIABLE}={name}=/path/to/its/folder"],
    )


def _names(names: Iterator[str]) -> str:
    listed = sorted(set(names))
    shown = ", ".join(listed[:_SUFFICIENT]) + (", ..." if len(listed) > _SUFFICIENT else "")
    return f"knows only {shown}" if listed else "knows none"


def _candidates(places: Places) -> Iterator[tuple[str, Callable[[], Iterator[tuple[str, Path]]]]]:
    """Each place in its order: variable, connection, localhai.toml, the DAG's own folder, what ran before."""
    environ = os.environ if places.environ is None else places.environ
    value = environ.get(VARIABLE, "").strip()
    yield f"the variable {VARIABLE}", lambda: listed(value)
    yield "`projects` in the connection's extra", lambda: _of_extra(places.extra().get("projects"))
    for folder in dict.fromkeys(places.settings_folders):
        file = folder / "localhai.toml"
        if file.is_file():
            yield f"[projects] in {file}", lambda file=file: _of_toml(file)  # type: ignore[misc]
    beside = places.beside
    if beside is not None:
        yield f"the folders from {beside} upwards", lambda: _above(beside)
    yield "projects that ran on this machine", lambda: ((name, Path(path)) for name, path in places.known())


def listed(value: str) -> Iterator[tuple[str, Path]]:
    """Projects by a text: folders of projects, or NAME=PATH, several with `,`, `:` between paths, or a new line."""
    for part in _parts(value):
        name, equals, path = part.partition("=")
        if equals:
            yield name.strip(), _absolute(path)
        else:
            yield from in_folder(_absolute(part))


def _parts(value: str) -> Iterator[str]:
    for line in value.replace(",", "\n").splitlines():
        pieces = line.split(os.pathsep) if os.pathsep != ";" else line.split(";")
        yield from (piece.strip() for piece in pieces if piece.strip())


def in_folder(folder: Path) -> Iterator[tuple[str, Path]]:
    """The folder itself, if it is a project, and those in it. Raises UsageError when there is no such folder."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    for path in (folder, *sorted(folder.iterdir())):
        if (path / YAML).is_file():
            yield name_of(path), path


def name_of(folder: Path) -> str:
    """`[project] name` of its localhai.toml, else the folder's name."""
    from localhai.settings import Settings

    return Settings.load(folder, environ={}).project_name or folder.resolve().name


def _of_extra(extra: Any) -> Iterator[tuple[str, Path]]:
    if isinstance(extra, str):
        yield from listed(extra)
    elif isinstance(extra, dict):
        yield from ((str(name), _absolute(str(path))) for name, path in extra.items())
    elif extra is not None:
        raise UsageError(f"it is {extra!r}, not a folder and not names with folders")


def _of_toml(file: Path) -> Iterator[tuple[str, Path]]:
    from localhai.settings import read_projects

    yield from read_projects(file).items()


def _above(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in (folder, *folder.parents):
        if (path / YAML).is_file():
            yield name_of(path), path


def _absolute(path: str) -> Path:
    return Path(os.path.abspath(Path(path.strip()).expanduser()))


def known_projects() -> list[tuple[str, str]]:
    """Name and folder of every project that ran on this machine, for `Places`. Raises LocalhaiError."""
    from localhai.executions.home import Home

    with Home() as home:
        return [(project.name, project.path) for project in home.records.projects.list()]
