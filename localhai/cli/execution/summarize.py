"""`localhai execution summarize EXECUTION...`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.options import executions_argument, json_option, pass_call, project_option
from localhai.cli.table import Column, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call


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
