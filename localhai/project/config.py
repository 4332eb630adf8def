"""valohai.yaml as a typed config: found, read, checked, and remembered when it was found without errors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.errors import ProjectError
from localhai.project.document import parse, read_bytes
from localhai.project.sentences import summary
from localhai.system import private
from localhai.version import __version__

if TYPE_CHECKING:
    from valohai_yaml.objs import Config

    from localhai.errors import Problem
    from localhai.project.positions import PositionMap


class ProjectConfig(Struct, frozen=True):
    """A valohai.yaml that can be read. `digest` is the sha256 of the file's bytes, in hex."""

    path: Path
    config: Config
    positions: PositionMap
    digest: str


def load_config(path: Path, *, verdicts: Path | None = None, known: ProjectConfig | None = None) -> ProjectConfig:
    """The config in the file `path`.

    `verdicts` is a folder where a file found without errors is remembered (by its sha256 and the versions of
    valohai-yaml and localhai), so that reading it again skips every check. `known` is what it came to before, which
    counts while the file is the same.

    Raises ProjectError, with every error and its position, when the file cannot be read. An error inside of one item
    refuses that item, when it is looked up (`faulty`). Warnings are not looked at.
    """
    content = read_bytes(path)
    digest = hashlib.sha256(content).hexdigest()
    if known is not None and (known.path, known.digest) == (path, digest):
        return known
    verdict = None if verdicts is None else verdicts / _verdict_name(digest)
    if verdict is not None and verdict.exists():
        return _reload(path, content, digest)
    from localhai.project.lint import examine

    document = parse(content, str(path))
    problems, config = examine(document)
    if config is None:
        raise refusal(path, [problem for problem in problems if problem.severity == "error"])
    if verdict is not None and not any(problem.severity == "error" for problem in problems):
        _remember(verdict)
    return ProjectConfig(path, config, document.positions, digest)


def refusal(path: Path, problems: Sequence[Problem]) -> ProjectError:
    """The error for a file that has errors."""
    return ProjectError(f"{path.name} has {summary(problems)}", problems=problems, where=str(path))


def _reload(path: Path, content: bytes, digest: str) -> ProjectConfig:
    from valohai_yaml.objs import Config

    document = parse(content, str(path), trusted=True)
    return ProjectConfig(path, Config.parse(document.data), document.positions, digest)


def _verdict_name(digest: str) -> str:
    import valohai_yaml

    versions = f"{digest} {valohai_yaml.__version__} {__version__}"
    return hashlib.sha256(versions.encode()).hexdigest()


def _remember(verdict: Path) -> None:
    """A verdict that cannot be kept costs the next start some time, and nothing else."""
    try:
        private.make_folder(verdict.parent)
        verdict.touch()
    except OSError:
        return
