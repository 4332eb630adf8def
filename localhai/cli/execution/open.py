"""`localhai execution open EXECUTION`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import execution_argument, json_option, pass_call, project_option

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("open")
@execution_argument
@json_option
@project_option
@pass_call
def open_execution(call: Call, reference: str) -> None:
    """Open the folder of an execution: its plan, log, metadata, config and outputs.

    The folder is printed, and on a terminal opened in the file manager. `--json` prints `{id, counter, folder}`.
    """
    with call.look() as look:
        execution = look.execution(reference)
        execution.require_folder()
        folder = str(execution.folder)
        if call.json:
            output.emit_json({"id": execution.id, "counter": execution.counter, "folder": folder})
            return
    output.emit(folder)
    if sys.stdout.isatty():
        sys.stdout.flush()
        click.launch(folder)
