"""valohai.yaml as a typed config: read, checked, and remembered when it was found clean."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localhai.errors import Problem, ProjectError
from localhai.project.document import parse, read_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from valohai_yaml.objs import Config

    from localhai.project.positions import PositionMap

FILE_NAME = "valohai.yaml"


@dataclass(frozen=True)
class ProjectConfig:
    """A valohai.yaml without errors. `digest` is the sha256 of the file's bytes, in hex."""

    path: Path
    config: Config
    positions: PositionMap
    digest: str


def load_config(path: Path, *, verdicts: Path | None = None) -> ProjectConfig:
    """The config in the file `path`.

    `verdicts` is a folder where a file found without errors is remembered (by its sha256 and the versions of
    valohai-yaml and localhai), so that reading it again skips every check.

    Raises ProjectError, with every problem and its position, when the file has errors. Warnings are not looked at.
    """
    content = read_bytes(path)
    document = parse(content, str(path))
    from valohai_yaml import parse as parse_config

    try:
        config = parse_config(document.data)
    except Exception as error:
        problem = Problem("error", str(error), "invalid", document.positions.start())
        raise ProjectError(f"{path.name} has errors", problems=[problem], where=str(path)) from error
    return ProjectConfig(path, config, document.positions, hashlib.sha256(content).hexdigest())
