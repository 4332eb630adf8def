"""`localhai alias update NAME DATUM`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli.alias.pointing import point
from localhai.cli.options import json_option, pass_call, project_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("update")
@click.argument("name")
@click.argument("reference", metavar="DATUM")
@json_option
@project_option
@pass_call
def update(call: Call, *, name: str, reference: str) -> None:
    """Point a data alias to another datum. Executions of before keep the datum that they had.

    DATUM is an id, the beginning of one, or another alias. `--json` prints `{name, datum, created, updated}`.
    """
    with call.open_project(recover=True) as project:
        if project.home.records.aliases.get(project.record.id, name) is None:
            raise UsageError(
                f"there is no alias {name!r}", where=name, hints=[f"make it: localhai alias create {name} {reference}"]
            )
        point(call, project, name, reference)
