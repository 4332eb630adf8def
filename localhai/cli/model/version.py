"""`localhai model version NAME VERSION`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.versions import one_version, print_version, split

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("version")
@click.argument("model", metavar="NAME")
@click.argument("reference", metavar="VERSION")
@json_option
@project_option
@pass_call
def version(call: Call, *, model: str, reference: str) -> None:
    """Show one version of a model: its files, tags, release note, and what made it.

    VERSION is its number, its name (`v2`) or `latest`. `--json` prints
    `{id, model, name, counter, uri, created, execution, aliases, tags, status, release_note, files[datum]}`.
    """
    with call.open_project(recover=True) as project:
        print_version(project, one_version(project, "model", split(model, "model")[0], reference), call.format)
