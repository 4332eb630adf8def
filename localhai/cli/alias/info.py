"""`localhai alias info NAME`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column, print_table
from localhai.cli.versions import print_facts
from localhai.errors import UsageError
from localhai.vocabulary import datum_uri, without_scheme

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("info")
@click.argument("name")
@json_option
@project_option
@pass_call
def info(call: Call, *, name: str) -> None:
    """Show what a data alias points to, and what it pointed to before.

    `--json` prints `{name, datum|null, created, updated, changes: [{time, datum|null}]}`, newest change first.
    """
    name = without_scheme(name)
    with call.open_project(recover=True) as project:
        records = project.home.records
        alias = records.aliases.get(project.record.id, name)
        changes = records.aliases.changes(project.record.id, name)
        if alias is None and not changes:
            raise UsageError(f"there is no alias {name!r}", where=name, hints=["see the aliases: localhai alias list"])
        data = records.data.by_id([change.datum_id for change in changes if change.datum_id])
        document: dict[str, Any] = {
            "name": name,
            "datum": records.data.get(alias.datum_id).to_dict() if alias else None,
            "created": alias.created if alias else None,
            "updated": alias.updated if alias else None,
            "changes": [{"time": change.time, "datum": change.datum_id} for change in changes],
        }
    if call.json:
        output.emit_json(document)
        return
    target = document["datum"]
    print_facts(
        {
            "Alias": datum_uri(name),
            "Datum": datum_uri(target["id"]) if target else "(the alias was deleted)",
            "Name": target["name"] if target else None,
            "Created": formats.moment(document["created"]),
            "Last modified": formats.moment(document["updated"]),
        }
    )
    output.emit("\n" + output.style("History", sys.stdout, bold=True))
    rows = [
        [
            formats.moment(change.time),
            data[change.datum_id].name if change.datum_id in data else "(deleted)",
            datum_uri(change.datum_id) if change.datum_id else "",
        ]
        for change in changes
    ]
    print_table([Column("Since"), Column("Data"), Column("Datum")], rows, form=call.format)
