"""The few lines after a run: how it ended, its metrics, its outputs, what to look at next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.cli import formats, output
from localhai.cli.execution.outputs import folders
from localhai.cli.table import Column, print_table
from localhai.executions.log.log import displayed

if TYPE_CHECKING:
    from typing import TextIO

    from localhai.executions.execution import Execution

MOST_OUTPUTS = 20
LAST_LINES = 5


def print_summary(execution: Execution, stream: TextIO) -> None:
    """Status, metadata, outputs and next commands."""
    document = execution.to_dict()
    status = output.status_word(execution.status, stream)
    code = "" if execution.exit_code is None else f", exit code {execution.exit_code}"
    took = f" after {formats.duration(document['duration'])}" if document["duration"] is not None else ""
    output.write(stream, f"\nexecution #{execution.counter} {execution.step}: {status}{took}{code}\n")
    if not execution.complete:
        _print_error(execution, stream)
    _print_metadata(execution, stream)
    _print_outputs(execution, stream)
    _print_next(execution)
    stream.flush()


def _print_error(execution: Execution, stream: TextIO) -> None:
    if execution.error:
        output.write(stream, f"  {execution.error}\n")
    lines = [event.message for event in execution.events(last=4 * LAST_LINES) if event.stream != "status"]
    for line in lines[-LAST_LINES:]:
        output.hint(f"| {displayed(line.encode())}")


def _print_metadata(execution: Execution, stream: TextIO) -> None:
    summary = execution.summary()
    if not summary.keys:
        return
    several = any(key.count > 1 for key in summary.keys.values())
    columns = [Column("metadata"), Column("latest", right=True)]
    columns += [Column("min", right=True), Column("max", right=True), Column("count", right=True)] if several else []
    rows = []
    for name, key in summary.keys.items():
        row = [name, formats.number(key.latest)]
        if several:
            bounds = [None, None] if key.count == 1 else [key.minimum, key.maximum]
            row += ["" if bound is None else formats.number(bound) for bound in bounds] + [str(key.count)]
        rows.append(row)
    stream.write("\n")
    print_table(columns, rows, stream=stream)


def _print_outputs(execution: Execution, stream: TextIO) -> None:
    outputs = execution.outputs
    if not outputs:
        return
    shown = outputs[:MOST_OUTPUTS]
    stream.write("\n")
    rows = [[item["name"], formats.size(item["size"])] for item in shown]
    print_table([Column("output"), Column("size", right=True)], rows, stream=stream)
    if len(outputs) > MOST_OUTPUTS:
        stream.write(f"... and {len(outputs) - MOST_OUTPUTS} more\n")
    output.write(stream, "".join(f"in {folder}\n" for folder in folders(shown)))


def _print_next(execution: Execution) -> None:
    number = execution.counter
    if execution.complete:
        output.hint(f"localhai execution info {number}")
    else:
        output.hint(f"localhai execution logs {number}    localhai shell {number}    localhai rerun {number}")
