"""`localhai data` and `localhai lineage`: what executions made, and what was made from it."""

from __future__ import annotations

import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.listing import all_projects_option, count_option, print_facts, print_list, print_section
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column
from localhai.errors import UsageError
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localhai.cli.call import Call, HomeView
    from localhai.executions.inspect.lineage import Direction
    from localhai.records import DatumRecord

_COLUMNS = (
    *(Column("Name"), Column("Size", right=True), Column("Output of", right=True), Column("Created at")),
    *(Column("Datum"), Column("Aliases"), Column("Tags")),
)
_TITLES: dict[Direction, str] = {"up": "Made from", "down": "Used by"}


@click.command("list")
@count_option(100)
@click.option("--name", metavar="GLOB", help="Only data with names like this.")
@click.option("--tag", help="Only data with this tag.")
@click.option("--deleted", is_flag=True, help="Also data whose bytes were deleted.")
@all_projects_option("Data")
@json_option
@project_option
@pass_call
def list_data(call: Call, *, count: int, name: str | None, tag: str | None, deleted: bool, all_projects: bool) -> None:
    """Show a list of data, newest first: every output is a datum that a later input can name."""
    with call.look() as look:
        project_id = None if all_projects else look.project_id
        found = look.home.records.data.list(project_id, name=name, tag=tag, purged=deleted, limit=count)
        is_narrowed = name or tag or deleted
        print_list(
            call,
            [datum.to_dict() for datum in found],
            dict,
            _COLUMNS,
            partial(_row, cache(partial(_counter, look)), call.format),
            none="no such data" if is_narrowed else "no data yet: the outputs of executions are data",
        )


def _row(counter: Callable[[str], str], form: str, item: Mapping[str, Any]) -> list[Any]:
    size = formats.size(item["size"]) if form == "human" else item["size"]
    cells = [item["name"] if not item["purged"] else f"{item['name']} (deleted)", size]
    cells += [counter(item["execution"] or ""), formats.moment(item["ctime"]), datum_uri(item["id"])]
    return [*cells, ", ".join(item["aliases"]), ", ".join(item["tags"])]


def _counter(look: HomeView, execution_id: str) -> str:
    """`#5`, empty when the execution was deleted."""
    try:
        return f"#{look.home.records.executions.get(execution_id).counter}" if execution_id else ""
    except UsageError:
        return ""


@click.command("info")
@click.argument("reference", metavar="DATUM")
@json_option
@project_option
@pass_call
def info(call: Call, *, reference: str) -> None:
    """Show all about one datum: where it is, its checksums and properties, what made it and what used it.

    DATUM is an id, the beginning of one, or an alias, with `datum://` before it or not. `--json` prints the datum, and
    `versions` and `uses` beside its other keys.
    """
    with call.look() as look:
        datum = look.home.records.data.find(reference, look.project_id)
        document = _document(look, datum)
    if call.json:
        output.emit_json(document)
        return
    print_facts(_facts(document))
    uses = [
        [f"#{use['counter']}" if use["counter"] else f"deleted ({use['execution']})", use["step"], use["input"]]
        for use in document["uses"]
    ]
    print_section("Used by", ["Execution", "Step", "Input"], uses)
    properties = [
        [key, formats.value(value)]
        for item in document["properties"]
        for key, value in item.items()
        if not key.startswith("valohai.")
    ]
    print_section("Properties", ["Key", "Value"], properties)


def _document(look: HomeView, datum: DatumRecord) -> dict[str, Any]:
    records = look.home.records
    uses = records.uses.of_data([datum.id])
    executions = records.executions.by_id(
        list({str(datum.execution_id): None, **{use.execution_id: None for use in uses}})
    )
    maker = executions.get(str(datum.execution_id))
    return {
        **datum.to_dict(),
        "made_by": None if maker is None else {"counter": maker.counter, "step": maker.step, "project": maker.project},
        "versions": [version.uri for version in records.versions.holding(datum.id)],
        "uses": [
            {
                "execution": use.execution_id,
                "counter": executions[use.execution_id].counter if use.execution_id in executions else None,
                "step": executions[use.execution_id].step if use.execution_id in executions else None,
                "input": use.input,
            }
            for use in uses
        ],
    }


def _facts(document: Mapping[str, Any]) -> dict[str, str | None]:
    maker = document["made_by"]
    made_by = f"a deleted execution ({document['execution']})" if document["execution"] else "no execution: uploaded"
    return {
        "Name": document["name"],
        "Datum": datum_uri(document["id"]),
        "Aliases": ", ".join(document["aliases"]),
        "Tags": ", ".join(document["tags"]),
        "Versions": ", ".join(document["versions"]),
        "Size": formats.size(document["size"]),
        "Created": formats.moment(document["ctime"]),
        "Deleted": formats.moment(document["purged"]),
        "Made by": made_by if maker is None else f"#{maker['counter']} {maker['step']} of {maker['project']}",
        "Bytes": document["path"] or document["uri"],
        "md5": document["md5"],
        "sha1": document["sha1"],
        "sha256": document["sha256"],
    }


@click.command("lineage")
@click.argument("reference", metavar="DATUM")
@click.option("--up", is_flag=True, help="Only what it was made from.")
@click.option("--down", is_flag=True, help="Only what was made from it.")
@click.option("--depth", type=click.IntRange(min=1), help="How many executions to walk in a row; default: all.")
@click.option("--mermaid", is_flag=True, help="Print a Mermaid flowchart.")
@json_option
@project_option
@pass_call
def lineage(call: Call, *, reference: str, up: bool, down: bool, depth: int | None, mermaid: bool) -> None:
    """Show what a datum was made from, and what was made from it: executions with their code, their data, deployments.

    DATUM is an id, the beginning of one, or an alias, with `datum://` before it or not. `--json` prints
    `{root, nodes: [{id, kind, label, ...}], edges: [{source, target, input, file}]}`; data flow from source
    to target.
    """
    from localhai.executions.inspect.lineage import trace

    both: tuple[Direction, ...] = ("up", "down")
    directions = tuple(name for name in both if {"up": up, "down": down}[name]) or both
    with call.look() as look:
        datum = look.home.records.data.find(reference, look.project_id)
        found = trace(look.home.records, datum, directions, depth)
    if call.json:
        output.emit_json(found.to_dict())
    elif mermaid:
        output.emit(found.mermaid())
    else:
        for number, direction in enumerate(directions):
            output.emit(("\n" if number else "") + output.style(_TITLES[direction], sys.stdout, bold=True))
            output.emit("\n".join(found.tree(direction)))
