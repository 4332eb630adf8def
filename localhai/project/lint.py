"""Every problem of a valohai.yaml: YAML syntax, shape and meaning, each with its position."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from localhai.errors import Problem, ProjectError
from localhai.project.document import Document, parse, read_bytes

if TYPE_CHECKING:
    from valohai_yaml.objs import Config


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
