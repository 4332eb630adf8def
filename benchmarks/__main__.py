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

from measure import Bench
from tables import shown, table, write

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
        write("bench", rows)
    return 1 if arguments.strict and not all(row.ok for row in rows) else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
