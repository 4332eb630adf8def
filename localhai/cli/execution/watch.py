"""`localhai execution watch EXECUTION`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.execution.following_run import exit_code
from localhai.cli.execution.screen import Screen
from localhai.cli.execution.summary import print_summary
from localhai.cli.options import execution_argument, json_option, pass_call, project_option

if TYPE_CHECKING:
    from localhai.cli.call import Call, HomeView
    from localhai.executions.execution import Execution


@click.command("watch")
@execution_argument
@click.option("--no-prefix", is_flag=True, help="No step name before each line on a terminal.")
@json_option
@project_option
@pass_call
def watch(call: Call, reference: str, *, no_prefix: bool) -> int:
    """Watch an execution that another localhai runs: its output so far, then live, then the summary.

    Ctrl-C ends the watching, not the execution. Exits as `run` does.
    """
    with call.look() as look:
        execution = look.execution(reference)
        screen = Screen(execution.step, as_json=call.json, quiet=False, progress=False, prefix=not no_prefix)
        screen.started(execution.to_dict())
        try:
            _follow(look, execution, screen)
        except KeyboardInterrupt:
            screen.close()
            output.say(f"execution #{execution.counter} goes on; stop it: localhai execution stop {execution.counter}")
            raise
        screen.close()
        if call.json:
            output.emit_json(execution.to_dict())
        else:
            print_summary(execution, sys.stderr)
        return exit_code(execution.status, interrupted=False)


def _follow(look: HomeView, execution: Execution, screen: Screen) -> None:
    from localhai.app.follow import follow_execution

    for event in follow_execution(look.home, execution, output.say):
        if event.stream == "status":
            screen.status(event.message)
        else:
            screen.output(event.stream, event.message.encode() + b"\n")
