"""`localhai diff A B`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.options import complete_execution, json_option, pass_call, project_option
from localhai.cli.table import Column, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from localhai.cli.call import Call, HomeView
    from localhai.executions.execution import Execution

MOST_FILES = 30
SIGNS = {"added": "+", "removed": "-", "changed": "~"}
COLOURS = {"added": "green", "removed": "red", "changed": "yellow"}


@click.command("diff")
@click.argument("first", metavar="A", shell_complete=complete_execution)
@click.argument("second", metavar="B", shell_complete=complete_execution)
@json_option
@project_option
@pass_call
def diff(call: Call, first: str, second: str) -> None:
    """Show in what two executions differ: code, image, command, parameters, variables, inputs, metadata, outputs.

    Inputs and outputs are compared by checksum, code file by file where both are still at hand.
    """
    from localhai.executions.inspect.diff import code_diff
    from localhai.executions.inspect.diff import diff as differences

    with call.look() as look:
        a, b = look.execution(first), look.execution(second)
        folders = {item.record.commit: item for item in (a, b)}
        code = code_diff(a.record.commit, b.record.commit, lambda commit: _folder(look, folders[commit]))
        found = differences(a.to_dict(), b.to_dict(), code)
    if call.json:
        output.emit_json(found)
    else:
        _print(found)


def _folder(look: HomeView, execution: Execution) -> Path:
    """The code of an execution: from the cache, else from git."""
    from localhai.app.find import project_of_execution

    commit = str(execution.record.commit)
    cached = look.home.code_cache / commit
    return cached if cached.is_dir() else project_of_execution(look.home, execution.record).snapshot(commit).path


def _print(found: Mapping[str, Any]) -> None:
    a, b = found["a"], found["b"]
    output.emit(f"a  #{a['counter']} {a['step']} of {a['project']}, {a['status']}")
    output.emit(f"b  #{b['counter']} {b['step']} of {b['project']}, {b['status']}")
    if found["same"]:
        output.emit("\nsame code, image, command, parameters, environment variables and inputs")
    _print_code(found)
    _print_pairs("Differences", found["facts"], str)
    if found["command"]:
        _print_pairs("Command", {"": {side: " && ".join(found["command"][side] or ()) for side in "ab"}}, str)
    _print_pairs("Parameters", found["parameters"], formats.value)
    _print_pairs("Environment variables", found["environment_variables"], formats.value)
    for name, files in found["inputs"].items():
        _print_files(f"Input {name}", files)
    _print_metadata(found["metadata"])
    _print_files("Outputs", found["outputs"])


def _print_code(found: Mapping[str, Any]) -> None:
    code = found["code"]
    if found["a"]["commit"] == found["b"]["commit"]:
        return
    _heading("Code")
    output.emit(f"  a  {found['a']['commit']}\n  b  {found['b']['commit']}")
    if code["note"]:
        output.emit(f"  {code['note']}")
    elif code["same"]:
        output.emit("  no file differs")
    else:
        _emit_files(code)


def _print_pairs(title: str, pairs: Mapping[str, Mapping[str, Any]], show: Callable[[Any], str]) -> None:
    if not pairs:
        return
    _heading(title)
    for name, pair in pairs.items():
        before, after = ("(none)" if pair[side] is None else show(pair[side]) for side in "ab")
        output.emit(f"  {name}" if name else "  a -> b")
        output.emit(f"    {output.style('-', sys.stdout, fg='red')} {before}")
        output.emit(f"    {output.style('+', sys.stdout, fg='green')} {after}")


def _print_metadata(metadata: Mapping[str, Mapping[str, Any]]) -> None:
    if not metadata:
        return
    _heading("Metadata (latest)")
    columns = [Column("Key"), Column("a", right=True), Column("b", right=True), Column("b - a", right=True)]
    rows = [
        [key, *("" if pair[side] is None else formats.number(pair[side]) for side in "ab"), _signed(pair["delta"])]
        for key, pair in metadata.items()
    ]
    print_table(columns, rows)


def _signed(delta: float | None) -> str:
    return "" if delta is None else f"{delta:+.6g}"


def _print_files(title: str, files: Mapping[str, Any]) -> None:
    if any(files.values()):
        _heading(title)
        _emit_files(files)


def _emit_files(files: Mapping[str, Any]) -> None:
    lines = [
        f"  {output.style(sign, sys.stdout, fg=COLOURS[kind])} {name}"
        for kind, sign in SIGNS.items()
        for name in files[kind] or ()
    ]
    for line in lines[:MOST_FILES]:
        output.emit(line)
    if len(lines) > MOST_FILES:
        output.emit(f"  ... and {len(lines) - MOST_FILES} more")


def _heading(text: str) -> None:
    output.emit("\n" + output.style(text, sys.stdout, bold=True))
