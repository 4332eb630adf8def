"""`localhai execution outputs EXECUTION`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.options import execution_argument, json_option, pass_call, project_option
from localhai.cli.table import Column, print_table
from localhai.errors import UsageError
from localhai.system.names import matches
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from localhai.cli.call import Call
    from localhai.executions.execution import Execution


@click.command("outputs")
@execution_argument
@click.option(
    "--download",
    "-d",
    "folder",
    metavar="DIR",
    help="Copy the files to this folder; `{counter}` in it becomes the execution's number.",
)
@click.option("--filter", "--filter-download", "-f", "pattern", metavar="GLOB", help="Only outputs like this: '*.csv'.")
@click.option("--sync", "-s", is_flag=True, help="With --download: wait for more outputs until it has ended.")
@click.option("--force", is_flag=True, help="Copy also over files that are there already.")
@json_option
@project_option
@pass_call
def outputs(call: Call, reference: str, *, folder: str | None, pattern: str | None, sync: bool, force: bool) -> None:
    """List the outputs of an execution, or copy them to a folder."""
    if sync and folder is None:
        raise UsageError("--sync needs a folder to copy to", hints=["--sync --download DIR"])
    with call.look() as look:
        execution = look.execution(reference)
        if sync:
            from localhai.app.follow import wait_for_end

            wait_for_end(look.home, execution, output.say)
        found = [item for item in execution.outputs if pattern is None or matches(item["name"], pattern)]
        if folder is not None:
            from localhai.cli.execution.copying import copy_outputs

            target = Path(folder.replace("{counter}", str(execution.counter)))
            copy_outputs(look.home, found, target, force=force)
        if call.json:
            output.emit_json(found)
        elif not found and call.format == "human":
            output.say(_none(execution, pattern))
        else:
            print_outputs(found, call.format)


def _none(execution: Execution, pattern: str | None) -> str:
    number = execution.counter
    if execution.to_dict()["not_collected"]:
        return f"the outputs of execution #{number} are not collected yet: localhai execution collect {number}"
    return f"execution #{number} has no outputs" + (f" like {pattern}" if pattern else "")


def print_outputs(found: Sequence[dict[str, Any]], form: str = "human") -> None:
    """A table of outputs; for people the place is said once, below it."""
    is_human = form == "human"
    columns = [Column("Name"), Column("Size", right=True), Column("Datum"), Column("Aliases"), Column("Tags")]
    columns.append(Column("Where"))
    rows = [
        [
            item["name"],
            formats.size(item["size"]) if is_human else item["size"],
            datum_uri(item["id"]),
            ", ".join(item["aliases"]),
            ", ".join(item["tags"]),
            "deleted" if item.get("purged") else None if is_human else _place(item),
        ]
        for item in found
    ]
    print_table(columns, rows, form=form)
    if is_human:
        for folder in folders(found):
            output.emit(f"in {folder}")


def folders(found: Iterable[dict[str, Any]]) -> list[str]:
    """The folders that outputs are in, of this machine or of the store."""
    return sorted({_place(item).removesuffix(item["name"]) for item in found if not item.get("purged")})


def _place(item: dict[str, Any]) -> str:
    return str(item["path"] or item["uri"])
