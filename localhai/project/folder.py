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
    found, path = find_yaml(start, yaml or YAML)
    settings = settings or Settings.load(found)
    name = settings.project_name
    return ProjectFolder(found, clean(name or found.resolve().name) or "project", path, declared=bool(name))


def find_yaml(start: Path, yaml: str = YAML) -> tuple[Path, Path]:
    """The nearest folder that has a valohai.yaml, or another `yaml`, and that file. Raises as `find_project`."""
    start = Path(os.path.abspath(start))  # `..` would hide the parents
    wanted = Path(yaml)
    if wanted.is_absolute():
        path = start if wanted.is_relative_to(start) else wanted.parent
        found = path if wanted.is_file() else None
    else:
        found = next((place for place in (start, *start.parents) if (place / wanted).is_file()), None)
    if found is not None:
        return found, found / wanted
    folder = next((place / wanted for place in (start, *start.parents) if (place / wanted).is_dir()), None)
    if folder is not None:
        hint = f"localhai reads a file of this name: rename the folder, and write {folder.name} in its place"
        raise ProjectError(f"{folder} is a folder, not a file", where=str(folder), hints=[hint])
    where = "" if wanted.is_absolute() else f" in {start} or any folder above it"
    raise ProjectError(f"there is no {wanted}{where}", where=str(start), hints=_hints(start, wanted))


def _hints(start: Path, wanted: Path) -> list[str]:
    if not start.exists():
        return [f"{start} does not exist"]
    near = next((name for name in ("valohai.yml", ".valohai.yaml") if (start / name).is_file()), None)
    if near is not None and wanted == Path(YAML):
        return [f"rename {near}: the platform reads {YAML}"]
    return [f"go to the project's folder, or write a {YAML} there; the smallest one is:\n{SMALLEST_EXAMPLE}"]
