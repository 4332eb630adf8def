"""`localhai parity`: for each key that the valohai.yaml here uses, what becomes of it on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call
from localhai.cli.table import Column, print_table

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.project.parity import KeyUse

LINES_SHOWN = 6
LEVELS = ("emulated", "approximated", "ignored")


@click.command("parity")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--all", "every", is_flag=True, help="Also list the keys that are emulated.")
@json_option
@pass_call
def parity(call: Call, *, file: Path | None, every: bool) -> None:
    """Show how near localhai comes to the platform, for each key of valohai.yaml that is used.

    FILE defaults to the valohai.yaml of this folder or of the nearest one above. A key is emulated, approximated
    (and how), or ignored (and why). `--json` prints
    `{file, emulated, approximated, ignored, keys: [{key, level, text, lines}]}`: how many keys, then each of them.
    """
    path, uses = _uses(call, file)
    counts = {level: sum(use.parity.level == level for use in uses) for level in LEVELS}
    if call.json:
        output.emit_json({"file": str(path), **counts, "keys": [use.to_dict() for use in uses]})
        return
    shown = [use for use in uses if every or use.parity.level != "emulated"]
    if shown:
        columns = [Column("Key"), Column("Here"), Column("How, or why"), Column("Lines")]
        print_table(columns, [_row(use) for use in shown], form=call.format)
    if call.format == "human":
        numbers = ", ".join(f"{count} {level}" for level, count in counts.items())
        output.emit(output.style(f"{path.name} uses {len(uses)} keys: {numbers}", sys.stdout, bold=True))


def _uses(call: Call, file: Path | None) -> tuple[Path, tuple[KeyUse, ...]]:
    from localhai.project import config, document
    from localhai.project.parity import uses

    path = file or config.find_config(call.folder or Path.cwd())
    config.load_config(path)  # a file with errors has keys that nobody knows
    return path, uses(document.parse(document.read_bytes(path), str(path)))


def _row(use: KeyUse) -> list[Any]:
    lines = ", ".join(map(str, use.lines[:LINES_SHOWN]))
    more = f" and {len(use.lines) - LINES_SHOWN} more" if len(use.lines) > LINES_SHOWN else ""
    return [use.key, use.parity.level, use.parity.text, f"{lines}{more}"]
