"""`localhai doctor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.errors import LocalhaiError, SurroundingsError

if TYPE_CHECKING:
    from localhai.app.doctor import Finding
    from localhai.cli.call import Call
    from localhai.settings import Settings

COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command("doctor")
@click.option("--image", help="The image to try a container with; default: one that is there.")
@json_option
@project_option
@pass_call
def doctor(call: Call, *, image: str | None) -> int:
    """Check what localhai needs on this machine, and how long a first container takes.

    Each line is ok, warning or problem, with what to do about it. Exits with 4 when there is a problem. `--json`
    prints `{ok, findings: [{name, level, text, hints, seconds}]}`.
    """
    from localhai.app.doctor import checkup

    folder, settings = _project_and_settings(call)
    found: list[Finding] = []
    for finding in checkup(settings, folder, image=image, home=call.home):
        found.append(finding)
        if not call.json:
            _print(finding)
    is_well = all(finding.level != "problem" for finding in found)
    if call.json:
        output.emit_json({"ok": is_well, "findings": [finding.to_dict() for finding in found]})
    return 0 if is_well else SurroundingsError.exit_code


def _project_and_settings(call: Call) -> tuple[Path | None, Settings]:
    from localhai.project.folder import find_project
    from localhai.settings import Settings

    try:
        folder = find_project(call.folder or Path.cwd()).path
    except LocalhaiError:
        folder = None
    return folder, Settings.load(folder)


def _print(finding: Finding) -> None:
    level = output.style(finding.level.ljust(8), sys.stdout, fg=COLOURS[finding.level], bold=True)
    text = finding.text.replace("\n", "\n" + " " * 9)
    output.emit(f"{level} {finding.name}: {text}")
    for hint in finding.hints:
        output.emit(f"         -> {hint}")
    sys.stdout.flush()
