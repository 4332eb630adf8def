"""`localhai model info NAME`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.versions import all_versions, print_facts, print_versions, split

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("info")
@click.argument("model", metavar="NAME")
@json_option
@project_option
@pass_call
def info(call: Call, *, model: str) -> None:
    """Show a model and its versions.

    `--json` prints `{id, name, created, versions, latest}`, where `versions` are those of `model versions`.
    """
    name = split(model, "model")[0]
    with call.open_project(recover=True) as project:
        found = all_versions(project, "model", name)
        parent = next(
            item for item in project.home.records.versions.parents(project.record.id, "model") if item.name == name
        )
    if call.json:
        output.emit_json({**parent.to_dict(), "versions": [item.to_dict() for item in found]})
        return
    if call.format == "human":
        facts = {"Model": name, "Latest": parent.latest, "Created": formats.moment(parent.created), "Id": parent.id}
        print_facts(facts)
        output.emit("\n" + output.style("Versions", sys.stdout, bold=True))
    print_versions(found, call.format)
