"""The folder of a project: where valohai.yaml is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localhai.errors import ProjectError
from localhai.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

YAML = "valohai.yaml"

SMALLEST_EXAMPLE = """\
- step:
    name: hello
    image: python:3.11-slim
    command: python --version
"""


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """A project on this machine. `path` is absolute, `yaml` the path of its valohai.yaml relative to `path`."""

    path: Path
    name: str
    yaml: str = YAML

    @property
    def yaml_path(self) -> Path:
        """The absolute path of valohai.yaml."""
        return self.path / self.yaml


def find_project(start: Path, yaml: str | None = None, *, settings: Settings | None = None) -> ProjectFolder:
    """The project around a folder: the nearest folder, from `start` upwards, that has a valohai.yaml (or `yaml`).

    Its name is `settings.project_name`, else the folder's. Without `settings` those of the found folder are read.
    Raises ProjectError that says where it looked.
    """
    wanted = yaml or YAML
    start = start.absolute()
    places = (start, *start.parents)
    path = next((place for place in places if (place / wanted).is_file()), None)
    if path is None:
        raise ProjectError(
            f"there is no {wanted} in {start} or any folder above it",
            where=str(start),
            hints=_hints(start),
        )
    settings = settings or Settings.load(path)
    return ProjectFolder(path, settings.project_name or path.resolve().name or "project", wanted)


def _hints(start: Path) -> list[str]:
    if not start.exists():
        return [f"{start} does not exist"]
    return [f"go to the project's folder, or write a {YAML} there; the smallest one is:\n{SMALLEST_EXAMPLE}"]
