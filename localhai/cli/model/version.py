"""`localhai model version NAME VERSION`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.versions import describe_version, one_version, print_version, split

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("version")
@click.argument("model", metavar="NAME")
@click.argument("reference", metavar="VERSION")
@click.option("--describe", is_flag=True, help="In Markdown, for people and for programs that read it.")
@json_option
@project_option
@pass_call
def version(call: Call, *, model: str, reference: str, describe: bool) -> None:
    """Show one version of a model: its files, tags, release note, and what made it.

    VERSION is its number, its name (`v2`) or `latest`. `--json` prints
    `{id, model, name, counter, uri, created, execution, aliases, tags, status, release_note, files[datum]}`.
    """
    with call.open_project(recover=True) as project:
        found = one_version(project, "model", split(model, "model")[0], reference)
        if describe and not call.json:
            describe_version(project, found)
        else:
            print_version(project, found, call.format)
