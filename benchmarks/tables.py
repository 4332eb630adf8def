"""Rows as the tables of docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from measure import Row

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
COLUMNS = ("what", "against", "at most", "measured")


def write(mark: str, rows: list[Row]) -> None:
    """Put a table into the page, between `<!-- mark -->` and `<!-- /mark -->`."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, _, rest = PAGE.read_text().partition(begin)
    PAGE.write_text(f"{before}{begin}\n\n{table(rows)}\n\n{end}{rest.partition(end)[2]}")


def table(rows: list[Row]) -> str:
    """In Markdown, ready for the page."""
    lines = [COLUMNS, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def cells(row: Row) -> tuple[str, ...]:
    return (row.what, row.against, figure(row.limit, row.unit), shown(row) + ("" if row.ok else " (over)"))


def shown(row: Row) -> str:
    """The value, and what it was made from."""
    value = figure(row.value, row.unit)
    return value if row.ours is None else f"{value} ({row.ours:.3g} s, {row.theirs:.3g} s)"


def figure(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value:+.3f} s"
    return f"{value:.2f}" if unit == "x" else f"{value:,.0f} {unit}"
