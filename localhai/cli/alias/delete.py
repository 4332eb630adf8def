"""`localhai alias delete NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import pass_call, project_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("delete")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@project_option
@pass_call
def delete(call: Call, *, names: tuple[str, ...]) -> None:
    """Forget data aliases. The data stay, and so does the history of the aliases."""
    with call.open_project(recover=True) as project:
        records = project.home.records
        unknown = [name for name in names if records.aliases.get(project.record.id, name) is None]
        if unknown:
            raise UsageError(
                f"there is no alias {', '.join(map(repr, unknown))}",
                hints=["nothing was deleted; see the aliases: localhai alias list"],
            )
        for name in names:
            records.aliases.delete(project.record.id, name)
            output.say(f"alias {name} is deleted")
