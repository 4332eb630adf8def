"""`localhai lint` and `localhai parity`: what is wrong in a valohai.yaml, and what becomes of each of its keys here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call
from localhai.cli.table import Column, print_table
from localhai.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call
    from localhai.project.config import LintReport
    from localhai.project.parity import KeyUse


@click.command("lint")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
@click.pass_context
def lint_command(context: click.Context, files: tuple[Path, ...], *, as_json: bool, strict: bool) -> None:
    """Find every problem of a valohai.yaml: errors, warnings and hints.

    FILE defaults to the valohai.yaml of this folder or of the nearest one above. Exits with 3 when there are errors.
    """
    from localhai.project.config import lint_file
    from localhai.project.folder import find_yaml

    paths = [str(path) for path in files] or [_shown(find_yaml(Path.cwd())[1])]
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
    from localhai.project.sentences import render_problems, summary

    for report in reports:
        if report.problems and sys.stdout.isatty():
            from rich.console import Console

            Console(highlight=False, soft_wrap=True).print(render_problems(report.problems, markup=True))
        elif report.problems:
            output.emit(render_problems(report.problems))
        output.emit(f"{report.file}: {summary(report.problems)}")


LINES_SHOWN = 6
LEVELS = ("emulated", "approximated", "ignored")


@click.command("parity")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--all", "every", is_flag=True, help="Also list the keys that are emulated.")
@json_option
@pass_call
def parity(call: Call, *, file: Path | None, every: bool) -> None:
    """Show how near localhai comes to the platform, for each key of valohai.yaml that is used.

    FILE defaults to the valohai.yaml of this folder or of the nearest one above. A key is emulated, approximated
    (and how), or ignored (and why). `--json` prints
    `{file, emulated, approximated, ignored, keys: [{key, level, text, lines}]}`: how many keys, then each of them.
    """
    path, uses = _uses(call, file)
    counts = {level: sum(use.parity.level == level for use in uses) for level in LEVELS}
    if call.json:
        output.emit_json({"file": str(path), **counts, "keys": [use.to_dict() for use in uses]})
        return
    shown = [use for use in uses if every or use.parity.level != "emulated"]
    if shown:
        columns = [Column("Key"), Column("Here"), Column("How, or why"), Column("Lines")]
        print_table(columns, [_row(use) for use in shown], form=call.format)
    if call.format == "human":
        numbers = ", ".join(f"{count} {level}" for level, count in counts.items())
        output.emit(output.style(f"{path.name} uses {len(uses)} keys: {numbers}", sys.stdout, bold=True))


def _uses(call: Call, file: Path | None) -> tuple[Path, tuple[KeyUse, ...]]:
    from localhai.project import config, document, folder
    from localhai.project.parity import uses

    path = file or folder.find_yaml(call.folder or Path.cwd())[1]
    config.load_config(path)  # a file with errors has keys that nobody knows
    return path, uses(document.parse(document.read_bytes(path), str(path)))


def _row(use: KeyUse) -> list[Any]:
    lines = ", ".join(map(str, use.lines[:LINES_SHOWN]))
    more = f" and {len(use.lines) - LINES_SHOWN} more" if len(use.lines) > LINES_SHOWN else ""
    return [use.key, use.parity.level, use.parity.text, f"{lines}{more}"]
