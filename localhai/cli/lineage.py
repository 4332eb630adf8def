"""`localhai lineage DATUM`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.executions.inspect.lineage import Direction

_TITLES: dict[Direction, str] = {"up": "Made from", "down": "Used by"}


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
            heading = output.style(_TITLES[direction], sys.stdout, bold=True)
            output.emit(("\n" if number else "") + heading)
            output.emit("\n".join(found.tree(direction)))
