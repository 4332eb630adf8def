"""`localhai alias`: names that stay while the data behind them change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.listing import count_option, print_facts, print_list, print_section
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column
from localhai.errors import UsageError
from localhai.vocabulary import datum_uri, is_id, without_scheme

if TYPE_CHECKING:
    from localhai.app.open_project import OpenProject
    from localhai.cli.call import Call


@click.command("list")
@count_option(100)
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
    print_list(
        call,
        documents,
        dict,
        [Column("Name"), Column("Data"), Column("Last modified"), Column("URL")],
        lambda item: [item["name"], item["datum"]["name"], formats.moment(item["updated"]), datum_uri(item["name"])],
        none="no aliases; a step makes one with valohai.alias in the metadata of an output",
    )


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
    rows = [
        [
            formats.moment(change.time),
            data[change.datum_id].name if change.datum_id in data else "(deleted)",
            datum_uri(change.datum_id) if change.datum_id else "",
        ]
        for change in changes
    ]
    print_section("History", ["Since", "Data", "Datum"], rows, form=call.format)


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


def point(call: Call, project: OpenProject, name: str, reference: str) -> None:
    """Point the alias and say so. Raises UsageError for a name that no input could use, and for an unknown datum."""
    if not name or "/" in name or is_id(name.lower()) or name != name.strip():
        raise UsageError(f"{name!r} cannot be an alias", where=name, hints=["a name without / that is no id will do"])
    records = project.home.records
    datum = records.data.find(reference, project.record.id)
    if datum.purged:
        raise UsageError(f"the bytes of {datum.name} were deleted", where=reference)
    alias = records.aliases.point(project.record.id, name, datum.id)
    if call.json:
        document = {"name": name, "datum": records.data.get(datum.id).to_dict()}
        output.emit_json({**document, "created": alias.created, "updated": alias.updated})
    else:
        output.say(f"{datum_uri(name)} is {datum.name}, {datum_uri(datum.id)}")
