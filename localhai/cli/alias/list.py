"""`localhai alias list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column, print_table
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("list")
@click.option("--count", "--limit", "-n", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@json_option
@project_option
@pass_call
def list_aliases(call: Call, *, count: int) -> None:
    """Show the data aliases of the project: names for data that an input can use, `datum://NAME`.

    `--json` prints `[{name, datum{...}, created, updated}]`.
    """
    with call.open_project(recover=True) as project:
        records = project.home.records
        found = records.aliases.list(project.record.id)[:count]
        documents: list[dict[str, Any]] = [
            {
                "name": alias.name,
                "datum": records.data.get(alias.datum_id).to_dict(),
                "created": alias.created,
                "updated": alias.updated,
            }
            for alias in found
        ]
    if call.json:
        output.emit_json(documents)
    elif not documents and call.format == "human":
        output.say("no aliases; a step makes one with valohai.alias in the metadata of an output")
    else:
        columns = [Column("Name"), Column("Data"), Column("Last modified"), Column("URL")]
        rows = [
            [item["name"], item["datum"]["name"], formats.moment(item["updated"]), datum_uri(item["name"])]
            for item in documents
        ]
        print_table(columns, rows, form=call.format)
