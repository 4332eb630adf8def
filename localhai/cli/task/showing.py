"""The table of a task: parameters that vary against final metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.cli import formats
from localhai.cli.table import Column, print_table
from localhai.errors import UsageError
from localhai.tasks import comparison

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def sorted_rows(rows: list[dict[str, Any]], column: str | None) -> list[dict[str, Any]]:
    """Rows by a column that was typed; in their order without. Raises UsageError."""
    if column is None:
        return rows
    try:
        return comparison.by_column(rows, column)
    except KeyError as error:
        hints = [f"columns: {error.args[0]}", f"largest first: --sort=-{column.lstrip('-')}"]
        raise UsageError(f"there is no column {column.lstrip('-')!r}", hints=hints) from None


def print_rows(rows: Sequence[Mapping[str, Any]], form: str, best: int | None = None) -> None:
    """One line for each execution, that of number `best` is marked. For machines, durations are in seconds."""
    parameters = list(dict.fromkeys(name for row in rows for name in row["parameters"]))
    keys = comparison.metadata_keys(rows)
    human = form == "human"
    columns = [Column("#", right=True), Column("Status")]
    columns += [Column(f"--{name}", right=True) for name in parameters]
    columns += [Column(key, right=True) for key in keys]
    columns.append(Column("Duration", right=True))
    if best is not None:
        columns.append(Column("Best"))
    table = []
    for row in rows:
        cells = [row["counter"], row["status"]]
        cells += [_shown(row["parameters"], name, human=human) for name in parameters]
        cells += [_shown(row["metadata"], key, human=human) for key in keys]
        cells.append(formats.duration(row["duration"]) if human else row["duration"])
        if best is not None:
            cells.append("best" if row["number"] == best else None)
        table.append(cells)
    print_table(columns, table, form=form)


def _shown(values: Mapping[str, Any], key: str, *, human: bool) -> str | None:
    if key not in values:
        return None
    return formats.number(values[key]) if human else formats.value(values[key])


def one_line(parameters: Mapping[str, Any]) -> str:
    """`lr=0.1 epochs=5`."""
    return " ".join(f"{name}={formats.number(value)}" for name, value in parameters.items())
