"""The folder of a project: where valohai.yaml is."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from localhai.errors import ProjectError
from localhai.settings import Settings
from localhai.system.text import clean
from localhai.vocabulary import YAML

SMALLEST_EXAMPLE = """\
- step:
    name: hello
    image: python:3.11-slim
    command: python --version
"""


class ProjectFolder(Struct, frozen=True):
    """A project on this machine: its folder, its name and its valohai.yaml. Paths are absolute.

    `declared`: the name is written in localhai.toml, and is not just the folder's.
    """

    path: Path
    name: str
    yaml: Path
    declared: bool = False

    @property
    def yaml_name(self) -> str:
        """The path of valohai.yaml as seen from the folder, for snapshots."""
        return self.yaml.relative_to(self.path).as_posix()


def find_project(start: Path, yaml: str | None = None, *, settings: Settings | None = None) -> ProjectFolder:
    """The project around a folder: the nearest folder, from `start` upwards, that has a valohai.yaml (or `yaml`).

    Its name is `settings.project_name`, else the folder's. Without `settings` those of the found folder are read.
    Raises ProjectError that says where it looked.
    """
    start = Path(os.path.abspath(start))  # `..` would hide the parents
    wanted = Path(yaml or YAML)
    if wanted.is_absolute():
        path = start if wanted.is_relative_to(start) else wanted.parent
        found = path if wanted.is_file() else None
    else:
        found = next((place for place in (start, *start.parents) if (place / wanted).is_file()), None)
    if found is None:
        refuse_folder(start, wanted)
        where = "" if wanted.is_absolute() else f" in {start} or any folder above it"
        raise ProjectError(f"there is no {wanted}{where}", where=str(start), hints=_hints(start))
    settings = settings or Settings.load(found)
    name = settings.project_name
    return ProjectFolder(found, clean(name or found.resolve().name) or "project", found / wanted, declared=bool(name))


def refuse_folder(start: Path, wanted: Path | str) -> None:
    """Raise ProjectError when `wanted` is a folder, in `start` or above it, where a file should be."""
    folder = next((place / wanted for place in (start, *start.parents) if (place / wanted).is_dir()), None)
    if folder is not None:
        hint = f"localhai reads a file of this name: rename the folder, and write {folder.name} in its place"
        raise ProjectError(f"{folder} is a folder, not a file", where=str(folder), hints=[hint])


def _hints(start: Path) -> list[str]:
    if not start.exists():
        return [f"{start} does not exist"]
    return [f"go to the project's folder, or write a {YAML} there; the smallest one is:\n{SMALLEST_EXAMPLE}"]
