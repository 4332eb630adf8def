"""Tables: rich ones on a terminal, plain aligned columns elsewhere, separated values when asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from localhai.cli import output
from localhai.system.escaping import uncoloured

if TYPE_CHECKING:
    from typing import TextIO

SEPARATORS = {"csv": ",", "tsv": "\t", "scsv": ";", "psv": "|"}
GAP = "  "
RICH_GAP = 3  # what rich puts between columns
SHORT = 20  # cells up to this long are never broken


class Column(Struct, frozen=True):
    """A header, and whether its cells stand to the right, as numbers do."""

    header: str
    right: bool = False


def print_table(
    columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, form: str = "human", stream: TextIO | None = None
) -> None:
    """Print rows of cells; None is an empty cell. `form` is `human` or one of SEPARATORS.

    For people, columns without a single value are left out.
    """
    stream = stream or sys.stdout
    shown = _for_terminal if output.is_terminal(stream) else cell
    cells = [[shown(value) for value in row] for row in rows]
    if form in SEPARATORS:
        _print_separated(columns, cells, SEPARATORS[form], stream)
        return
    columns, cells = _with_values(columns, cells)
    if output.is_terminal(stream):
        _print_rich(columns, cells, stream)
    else:
        stream.write("".join(line + "\n" for line in aligned(columns, cells)))


def _with_values(columns: Sequence[Column], cells: list[list[str]]) -> tuple[list[Column], list[list[str]]]:
    kept = [number for number in range(len(columns)) if not cells or any(row[number] for row in cells)]
    return [columns[number] for number in kept], [[row[number] for number in kept] for row in cells]


def cell(value: Any) -> str:
    """A value on one line."""
    if value is None:
        return ""
    return " ".join(str(value).split("\n"))


def _for_terminal(value: Any) -> str:
    """A value of which a terminal obeys nothing: what it names may come from a container."""
    return uncoloured(cell(value))


def aligned(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines of equal columns, header first."""
    headers = [column.header for column in columns]
    table = [headers, *cells]
    widths = [max(len(row[number]) for row in table) for number in range(len(columns))]
    return [
        GAP.join(
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in table
    ]


def _print_rich(columns: Sequence[Column], cells: Sequence[Sequence[str]], stream: TextIO) -> None:
    """A table as wide as the terminal; plain lines where that would tear ids apart."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, highlight=False, no_color=not output.is_coloured(stream))
    widths = [_least_width(column.header, [row[number] for row in cells]) for number, column in enumerate(columns)]
    if sum(widths) + RICH_GAP * len(widths) > console.width:
        stream.write("".join(line + "\n" for line in aligned(columns, cells)))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.right else "left"
        table.add_column(Text(column.header), justify=justify, overflow="fold", min_width=width)
    for row in cells:
        table.add_row(*(Text(text, style=output.STATUS_COLOURS.get(text, "")) for text in row))
    console.print(table)


def _least_width(header: str, cells: Sequence[str]) -> int:
    """How narrow a column may become: texts are broken between words, but nothing shorter than SHORT, and no id."""
    return max(len(header), *(len(text) if " " not in text else min(len(text), SHORT) for text in cells), 0)


def _print_separated(columns: Sequence[Column], cells: Sequence[Sequence[str]], separator: str, stream: TextIO) -> None:
    import csv

    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    writer.writerow([column.header for column in columns])
    writer.writerows(cells)
