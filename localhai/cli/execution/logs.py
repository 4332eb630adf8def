"""`localhai execution logs`, and `watch`: live, with the summary."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import execution_argument, json_option, pass_call, project_option
from localhai.system.escaping import escaped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from localhai.cli.call import Call, HomeView
    from localhai.cli.execution.screen import Screen
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home
    from localhai.executions.log.log import Event

COLOURS = {"status": "blue", "stderr": "yellow"}


@click.command("logs")
@execution_argument
@click.option("--status/--no-status", default=None, help="Show status lines. Naming streams shows only these.")
@click.option("--stderr/--no-stderr", default=None, help="Show what was written to stderr.")
@click.option("--stdout/--no-stdout", default=None, help="Show what was written to stdout.")
@click.option("--last", "-n", type=click.IntRange(min=0), help="Only that many lines, the last ones.")
@click.option("--follow/--no-follow", "--stream/--no-stream", "-f", help="Wait for more lines until it has ended.")
@click.option("--timestamps", "-t", is_flag=True, help="Put the time (UTC) before each line.")
@click.option("--all/--no-all", "every", hidden=True, help="As with vh: here all lines are shown anyway.")
@json_option
@project_option
@pass_call
def logs(
    call: Call,
    reference: str,
    *,
    status: bool | None,
    stderr: bool | None,
    stdout: bool | None,
    last: int | None,
    follow: bool,
    timestamps: bool,
    every: bool,
) -> None:
    """Show the log of an execution: stdout, stderr and status lines, in the order in which they came.

    Everything goes to stdout; lines of a progress bar show its last state. `--json` prints
    `[{stream, time, message}]`.
    """
    del every
    streams = wanted_streams(status=status, stderr=stderr, stdout=stdout)
    with call.look() as look:
        execution = look.execution(reference)
        execution.require_folder()
        events = _events(look.home, execution, follow=follow)
        if call.json:
            output.emit_json([event.to_dict() for event in _selected(events, streams, last)])
            return
        _print(_selected(events, streams, last if not follow else None), timestamps)


def wanted_streams(**chosen: bool | None) -> set[str]:
    """`--stdout` alone means only stdout, `--no-status` all but status."""
    named = {stream for stream, value in chosen.items() if value}
    return named or {stream for stream, value in chosen.items() if value is None}


def _events(home: Home, execution: Execution, *, follow: bool) -> Iterable[Event]:
    if not follow:
        return execution.events()
    from localhai.app.follow import follow_execution

    return follow_execution(home, execution, output.say)


def _selected(events: Iterable[Event], streams: Collection[str], last: int | None) -> Iterable[Event]:
    found = (event for event in events if event.stream in streams)
    if last is None:
        return found
    from collections import deque

    return deque(found, maxlen=last)


def _print(events: Iterable[Event], timestamps: bool) -> None:
    coloured, terminal = output.is_coloured(sys.stdout), output.is_terminal(sys.stdout)
    out = sys.stdout
    for event in events:
        message = event.message
        if "\r" in message:
            message = message.rstrip("\r").rsplit("\r", 1)[-1]
        if terminal:
            message = escaped(message)
        if timestamps:
            message = f"{event.time:%H:%M:%S.%f} {message}"
        if coloured and event.stream in COLOURS:
            message = output.style(message, out, fg=COLOURS[event.stream])
        out.write(message + "\n")


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
    from localhai.cli.execution.follow import exit_code, print_summary
    from localhai.cli.execution.screen import Screen

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
