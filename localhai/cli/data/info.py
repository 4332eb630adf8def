"""`localhai data info DATUM`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column, print_table
from localhai.cli.versions import print_facts
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.cli.call import Call, HomeView
    from localhai.records import DatumRecord


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
    _print_uses(document)
    _print_properties(document)


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


def _print_uses(document: Mapping[str, Any]) -> None:
    if document["uses"]:
        output.emit("\n" + output.style("Used by", sys.stdout, bold=True))
        rows = [
            [f"#{use['counter']}" if use["counter"] else f"deleted ({use['execution']})", use["step"], use["input"]]
            for use in document["uses"]
        ]
        print_table([Column("Execution"), Column("Step"), Column("Input")], rows)


def _print_properties(document: Mapping[str, Any]) -> None:
    rows = [
        [key, formats.value(value)]
        for item in document["properties"]
        for key, value in item.items()
        if not key.startswith("valohai.")
    ]
    if rows:
        output.emit("\n" + output.style("Properties", sys.stdout, bold=True))
        print_table([Column("Key"), Column("Value")], rows)
