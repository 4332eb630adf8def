"""`localhai project join PROJECT`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import confirm, json_option, pass_call, project_option, yes_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.records import Project, Records


@click.command("join")
@click.argument("reference", metavar="PROJECT")
@yes_option
@json_option
@project_option
@pass_call
def join(call: Call, reference: str, *, yes: bool) -> None:
    """Make this folder go on with the history of PROJECT, whose folder was renamed, moved or removed.

    PROJECT is its id, its name or its old folder. What ran in this folder meanwhile comes after what PROJECT has, with
    numbers that go on from its own. `--json` prints `{project, executions, offset}`.
    """
    from localhai.executions.project_of import gone_projects

    with call.open_project() as opened:
        records, here = opened.home.records, opened.record
        old = _find(records, reference)
        if old.id == here.id:
            raise UsageError(f"project {old.name} is this folder's already", where=old.path)
        if old.id not in {item.id for item in gone_projects(opened.home)}:
            raise UsageError(
                f"project {old.name} is still in {old.path}, or has nothing that ran from this home",
                where=old.path,
                hints=["only a project whose folder is gone can be joined; two folders are two projects"],
            )
        foreseen = records.projects.foresee_join(old, here)
        if not yes:
            confirm(f"{_sentence(old, foreseen.executions, foreseen.offset)} Go on?")
        joined = records.projects.join(old, here)
        if call.json:
            kept = {**old.to_dict(), "name": here.name, "path": here.path}
            output.emit_json({"project": kept, "executions": joined.executions, "offset": joined.offset})
        else:
            output.say(f"this folder goes on with the history of {old.name}")


def _find(records: Records, wanted: str) -> Project:
    by_path = [item for item in records.projects.list() if item.path == wanted.rstrip("/")]
    return by_path[0] if by_path else records.projects.find(wanted)


def _sentence(old: Project, executions: int, offset: int) -> str:
    sentence = f"This folder gets the history of project {old.name} ({old.path})."
    if not executions:
        return sentence
    return f"{sentence} The executions that ran here since, {executions}, get numbers from #{offset + 1} on."
