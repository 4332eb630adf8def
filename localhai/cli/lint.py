"""`localhai lint [FILE]...`: every problem of a valohai.yaml, with its place and what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.project.lint import LintReport


@click.command("lint")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
@click.pass_context
def lint_command(context: click.Context, files: tuple[Path, ...], *, as_json: bool, strict: bool) -> None:
    """Find every problem of a valohai.yaml: errors, warnings and hints.

    FILE defaults to the valohai.yaml of this folder or of the nearest one above. Exits with 3 when there are errors.
    """
    from localhai.project.config import find_config
    from localhai.project.lint import lint_file

    paths = [str(path) for path in files] or [_shown(find_config(Path.cwd()))]
    reports = [lint_file(path) for path in paths]
    if strict:
        reports = [report.strict() for report in reports]
    if as_json:
        _print_json(reports)
    else:
        _print(reports)
    if any(report.errors for report in reports):
        context.exit(ProjectError.exit_code)


def _shown(path: Path) -> str:
    """The path from here when it is in this folder, else the whole path."""
    return path.name if path.parent == Path.cwd() else str(path)


def _print_json(reports: Sequence[LintReport]) -> None:
    files = [report.to_dict() for report in reports]
    document: dict[str, Any] = {
        "valid": all(file["valid"] for file in files),
        **{count: sum(file[count] for file in files) for count in ("errors", "warnings", "hints")},
        "problems": [problem for file in files for problem in file.pop("problems")],
        "files": files,
    }
    output.emit_json(document)


def _print(reports: Sequence[LintReport]) -> None:
    from localhai.project.problems import render_problems, summary

    for report in reports:
        if report.problems and sys.stdout.isatty():
            from rich.console import Console

            Console(highlight=False, soft_wrap=True).print(render_problems(report.problems, markup=True))
        elif report.problems:
            output.emit(render_problems(report.problems))
        output.emit(f"{report.file}: {summary(report.problems)}")
