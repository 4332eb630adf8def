"""`localhai execution list`, and `summarize`: several side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.listing import all_projects_option, count_option, owned_options, print_list, print_no_deleted
from localhai.cli.options import executions_argument, json_option, pass_call, project_option
from localhai.cli.table import Column, print_table
from localhai.vocabulary import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call
    from localhai.executions.execution import Execution

_COLUMNS = (
    *(Column("#", right=True), Column("Status"), Column("Step"), Column("Duration", right=True)),
    *(Column("Created"), Column("Commit"), Column("Title"), Column("Tags"), Column("Id")),
)
STATUSES = tuple(sorted((*map(str, Status), "incomplete")))


@click.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only these; may be repeated.")
@click.option("--step", help="Only executions of this step.")
@click.option("--tag", help="Only executions with this tag.")
@count_option(50)
@owned_options("executions")
@all_projects_option("Executions")
@json_option
@project_option
@pass_call
def list_executions(
    call: Call,
    *,
    statuses: tuple[str, ...],
    step: str | None,
    tag: str | None,
    count: int,
    owned: bool,
    deleted: bool,
    all_projects: bool,
) -> None:
    """Show a list of executions, newest first."""
    from localhai.app.list import list_executions as select
    from localhai.executions.execution import Execution

    if deleted:
        print_no_deleted(call, "executions")
        return
    with call.look() as look:
        all_projects = all_projects or look.project is None
        request = look.listing(count, owned=owned, all_projects=all_projects)
        rows = select(look.home, request, statuses=statuses, step=step, tag=tag)
        found = [Execution(look.home, row) for row in rows]
        print_list(
            call,
            found,
            lambda item: item.to_dict(),
            [Column("Project"), *_COLUMNS] if all_projects else _COLUMNS,
            partial(_row, call.format, all_projects),
            none="no executions" + (" like that" if statuses or step or tag or owned else " yet: localhai run STEP"),
        )


def _row(form: str, all_projects: bool, execution: Execution) -> list[str | None]:
    """A number is only good within a project: where others are listed, or programs read it, the id stands too."""
    item = execution.record
    row: list[str | None] = [str(item.counter), str(item.status), item.step, formats.duration(item.duration)]
    row += [formats.moment(item.created), formats.commit(item.commit), item.title, ", ".join(item.tags)]
    row.append(item.id if all_projects or form != "human" else None)
    return [item.project, *row] if all_projects else row


@click.command("summarize")
@executions_argument(required=True)
@json_option
@project_option
@pass_call
def summarize(call: Call, references: tuple[str, ...]) -> None:
    """Show metadata of several executions side by side, and the parameters in which they differ.

    EXECUTIONS are numbers, ranges such as 5-8, ids or `latest`; `!6` leaves one out. `--json` prints
    `[{id, counter, project, step, status, duration, parameters, metadata}]`.
    """
    from localhai.executions.inspect.diff import summarize as rows_of

    with call.look() as look:
        found = [execution.to_dict() for execution in look.executions(references)]
    rows = rows_of(found)
    if call.json:
        output.emit_json(rows)
    else:
        _print(rows, call.format)


def _print(rows: Sequence[dict[str, Any]], form: str) -> None:
    from localhai.executions.inspect.diff import differing_parameters, metadata_keys

    parameters, keys = differing_parameters(rows), metadata_keys(rows)
    columns = [Column("#", right=True), Column("Step"), Column("Status"), Column("Duration", right=True)]
    columns += [Column(f"--{name}", right=True) for name in parameters]
    columns += [Column(key, right=True) for key in keys]
    table = []
    for row in rows:
        duration = formats.duration(row["duration"]) if form == "human" else row["duration"]
        cells = [row["counter"], row["step"], row["status"], duration]
        cells += [_shown(row["parameters"], name) for name in parameters]
        cells += [_shown(row["metadata"], key) for key in keys]
        table.append(cells)
    print_table(columns, table, form=form)


def _shown(values: dict[str, Any], key: str) -> str:
    return formats.number(values[key]) if key in values else ""
