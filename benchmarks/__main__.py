"""The table of docs/benchmarks.md: localhai against bare Docker and others, both sides side by side in one run.

    python benchmarks [--rows noop,hundred,...] [--rounds N] [--scale 0.1] [--strict] [--json | --write]

Needs a Docker Engine with the image python:3.11-slim. Everything is made in a temporary folder and removed in the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from measure import Bench, Row

ROWS = {
    "noop": "noop",
    "hundred": "hundred",
    "metadata": "metadata_lines",
    "s3": "s3_input",
    "pip": "packages",
    "again": "same_input",
    "outputs": "outputs",
    "help": "help_text",
    "chain": "chain",
    "grid": "grid",
    "scheduling": "scheduling",
    "history": "history",
    "reuse": "reuse",
    "sweep": "sweep",
    "served": "served",
    "airflow": "airflow_operator",
    "mapped": "airflow_mapped",
}
PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
COLUMNS = ("what", "against", "at most", "measured")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", help=f"some of {','.join(ROWS)}; default all")
    parser.add_argument("--rounds", type=int, help="rounds of each row instead of its own number")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the full sizes and counts, to try things")
    parser.add_argument("--folder", type=Path, help="where everything is written; default the temporary folder")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a limit is broken")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--write", action="store_true", help="put the whole table into docs/benchmarks.md")
    arguments = parser.parse_args()
    if arguments.write and (arguments.rows or arguments.rounds or arguments.scale != 1.0):
        parser.error("--write takes the whole table at its full size, measured in one run")
    wanted = [name for name in arguments.rows.replace(" ", ",").split(",") if name] or list(ROWS)
    if unknown := [name for name in wanted if name not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}; known: {', '.join(ROWS)}")
    rows = []
    for name in wanted:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="localhai-bench-", dir=arguments.folder) as folder:
            measured = import_module(ROWS[name]).measure(Bench(Path(folder), arguments.rounds, arguments.scale))
        rows += measured
        for row in measured:
            print(f"  {row.what}: {shown(row)}", file=sys.stderr, flush=True)
    print(json.dumps([row.to_dict() for row in rows], indent=2) if arguments.json else table(rows))
    if arguments.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{rest.partition(END)[2]}")
    return 1 if arguments.strict and not all(row.ok for row in rows) else 0


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


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
