"""`localhai data list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.table import Column, print_table
from localhai.errors import UsageError
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from localhai.cli.call import Call, HomeView


@click.command("list")
@click.option("--count", "--limit", "-n", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@click.option("--name", metavar="GLOB", help="Only data with names like this.")
@click.option("--tag", help="Only data with this tag.")
@click.option("--deleted", is_flag=True, help="Also data whose bytes were deleted.")
@click.option("--all-projects", is_flag=True, help="Data of every project of this home.")
@json_option
@project_option
@pass_call
def list_data(call: Call, *, count: int, name: str | None, tag: str | None, deleted: bool, all_projects: bool) -> None:
    """Show a list of data, newest first: every output is a datum that a later input can name."""
    with call.look() as look:
        project_id = None if all_projects else look.project_id
        found = look.home.records.data.list(project_id, name=name, tag=tag, purged=deleted, limit=count)
        documents = [datum.to_dict() for datum in found]
        if call.json:
            output.emit_json(documents)
        elif not documents and call.format == "human":
            is_narrowed = name or tag or deleted
            output.say("no such data" if is_narrowed else "no data yet: the outputs of executions are data")
        else:
            _print(look, documents, call.format)


def _print(look: HomeView, documents: list[dict[str, Any]], form: str) -> None:
    counters: dict[str, str] = {}
    columns = [Column("Name"), Column("Size", right=True), Column("Output of", right=True), Column("Created at")]
    columns += [Column("Datum"), Column("Aliases"), Column("Tags")]
    rows = []
    for item in documents:
        execution = item["execution"] or ""
        if execution not in counters:
            counters[execution] = _counter(look, execution)
        size = formats.size(item["size"]) if form == "human" else item["size"]
        cells = [item["name"] if not item["purged"] else f"{item['name']} (deleted)", size, counters[execution]]
        cells += [formats.moment(item["ctime"]), datum_uri(item["id"])]
        rows.append([*cells, ", ".join(item["aliases"]), ", ".join(item["tags"])])
    print_table(columns, rows, form=form)


def _counter(look: HomeView, execution_id: str) -> str:
    """`#5`, empty when the execution was deleted."""
    try:
        return f"#{look.home.records.executions.get(execution_id).counter}" if execution_id else ""
    except UsageError:
        return ""
