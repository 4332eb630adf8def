"""A valohai.yaml checked: every problem of it with its position, and the typed config of one that can be read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from localhai.errors import Problem, ProjectError
from localhai.project.document import Document, parse, read_bytes
from localhai.project.sentences import summary
from localhai.system import private
from localhai.version import __version__

if TYPE_CHECKING:
    from valohai_yaml.objs import Config

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
    document = parse(content, str(path))
    problems, config = examine(document)
    errors = [problem for problem in problems if problem.severity == "error"]
    if config is None:
        raise ProjectError(f"{path.name} has {summary(errors)}", problems=errors, where=str(path))
    if verdict is not None and not errors:
        _remember(verdict)
    return ProjectConfig(path, config, document.positions, digest)


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


class LintReport(Struct, frozen=True):
    """What was found in one file, in the order of the file."""

    file: str
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What fails on the platform."""
        return self._of("error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is accepted and most likely not meant."""
        return self._of("warning")

    @property
    def hints(self) -> tuple[Problem, ...]:
        """What is worth knowing and not wrong."""
        return self._of("hint")

    def _of(self, severity: str) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == severity)

    def strict(self) -> LintReport:
        """The same with warnings as errors."""
        return replace(
            self,
            problems=tuple(
                replace(problem, severity="error") if problem.severity == "warning" else problem
                for problem in self.problems
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape: file, valid (no errors), numbers of errors, warnings and hints, problems[]."""
        return {
            "file": self.file,
            "valid": not self.errors,
            "errors": len(self.errors),
            "warnings": len(self.warnings),
            "hints": len(self.hints),
            "problems": [problem.to_dict() for problem in self.problems],
        }


def lint_file(path: Path | str) -> LintReport:
    """All problems of the file `path`; one that cannot be read is a problem too."""
    try:
        content = read_bytes(Path(path))
    except ProjectError as error:
        return LintReport(str(path), error.problems)
    return lint_text(content, str(path), code=Path(path).parent)


def lint_text(content: str | bytes, file_name: str, *, code: Path | None = None) -> LintReport:
    """All problems of a text; `file_name` is the file that positions name, `code` the folder of the code beside it."""
    try:
        document = parse(content, file_name)
    except ProjectError as error:
        return LintReport(file_name, error.problems)
    problems, _ = examine(document, code)
    return LintReport(file_name, problems)


def examine(document: Document, code: Path | None = None) -> tuple[tuple[Problem, ...], Config | None]:
    """All problems of a document, and its config when there is no error among them."""
    from localhai.project.checks import endpoint, items, pipeline, platform, step, task
    from localhai.project.checks.findings import Findings

    findings = Findings(document.positions)
    items.check_text(document, findings)
    platform.check_shape(document.data, findings)
    found = items.collect(document.data, findings)
    for item in found.all:
        if not item.is_sound:
            continue
        if item.kind == "step":
            step.check(item, findings)
            if code is not None:
                step.check_passing(item, code, findings)
        elif item.kind == "task":
            task.check(item, found, findings)
        elif item.kind == "endpoint":
            endpoint.check(item, findings)
        elif item.kind == "pipeline":
            pipeline.check(item, found, findings)
        else:
            endpoint.check_deployment(item, findings)
    config = platform.check_reading(document.data, found, findings)
    return findings.problems(), config
