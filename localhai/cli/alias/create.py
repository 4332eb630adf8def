"""`localhai alias create NAME DATUM`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli.alias.pointing import point
from localhai.cli.options import json_option, pass_call, project_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("create")
@click.argument("name")
@click.argument("reference", metavar="DATUM")
@json_option
@project_option
@pass_call
def create(call: Call, *, name: str, reference: str) -> None:
    """Make a data alias, which an input can then use: `datum://NAME`.

    DATUM is an id, the beginning of one, or another alias. `--json` prints `{name, datum, created, updated}`.
    """
    with call.open_project(recover=True) as project:
        if project.home.records.aliases.get(project.record.id, name) is not None:
            raise UsageError(
                f"there is an alias {name!r} already",
                where=name,
                hints=[f"point it to another datum: localhai alias update {name} {reference}"],
            )
        point(call, project, name, reference)
