"""A run in sight of a person: live output, Ctrl-C, the exit code, and the few lines of summary in the end."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.app.start import ExecutionStart, run_execution
from localhai.cli import formats, output
from localhai.cli.execution.screen import Screen
from localhai.cli.table import Column, print_table
from localhai.errors import Interrupted
from localhai.executions.log.log import displayed
from localhai.executions.run.stop import Interruption, signals_ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

    from localhai.cli.call import Call
    from localhai.cli.execution.requested import GivenExecution, Requested
    from localhai.executions.execution import Execution


def follow(
    call: Call,
    requested: Requested,
    given: GivenExecution,
    *,
    notes: Callable[[Execution], Iterable[str]] | None = None,
) -> int:
    """Run it under a screen and under signals; gives the exit code (docs/json.md). Raises what `run_execution` raises.

    `notes` are lines to say about it in the end.
    """
    project, plan, quiet = requested.project, requested.plan(), given.quiet
    screen = Screen(
        plan.step, as_json=call.json, quiet=quiet, progress=not given.no_progress, prefix=not given.no_prefix
    )
    interruption = Interruption()
    try:
        with signals_ask(interruption, lambda number, level: _say_interrupted(screen, number, level)):
            snapshot = project.code(
                requested.commit, git_packaging=given.git_packaging, include_untracked=given.include_untracked
            )
            start = ExecutionStart(project, plan, snapshot, requested.options)
            execution = run_execution(start, observer=screen, interruption=interruption)
    finally:
        screen.close()
        call.execution = screen.execution
    if given.download is not None:
        from localhai.cli.execution.outputs import copy_outputs

        target = Path(given.download.replace("{counter}", str(execution.counter)))
        copy_outputs(project.home, execution.outputs, target, force=True)
    if call.json:
        output.emit_json(execution.to_dict())
    elif not quiet:
        print_summary(execution, sys.stderr)
    elif not execution.complete:
        output.say(f"execution #{execution.counter} {execution.step}: {execution.status}: {execution.error}")
    if notes is not None and not quiet:
        for note in notes(execution):
            output.say(note)
    return exit_code(execution.status, interrupted=interruption.asked)


def exit_code(status: str, *, interrupted: bool) -> int:
    """0 complete, 130 interrupted, 1 everything else."""
    if status == "complete":
        return 0
    return Interrupted.exit_code if interrupted else 1


def signal_word(number: int) -> str:
    """`Ctrl-C`, `SIGTERM`: as a person knows it."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def _say_interrupted(screen: Screen, number: int, level: int) -> None:
    name = signal_word(number)
    if level == 1:
        screen.interrupted(f"{name}: stopping {screen.what}; once more forces it")
    else:
        screen.interrupted(f"{name} again: killing {screen.what}")


MOST_OUTPUTS = 20
LAST_LINES = 5


def print_summary(execution: Execution, stream: TextIO) -> None:
    """Status, metadata, outputs and next commands."""
    document = execution.to_dict()
    status = output.status_word(execution.status, stream)
    code = "" if execution.exit_code is None else f", exit code {execution.exit_code}"
    took = f" after {formats.duration(document['duration'])}" if document["duration"] is not None else ""
    output.write(stream, f"\nexecution #{execution.counter} {execution.step}: {status}{took}{code}\n")
    if not execution.complete:
        _print_error(execution, stream)
    _print_metadata(execution, stream)
    _print_outputs(execution, stream)
    _print_next(execution)
    stream.flush()


def _print_error(execution: Execution, stream: TextIO) -> None:
    if execution.error:
        output.write(stream, f"  {execution.error}\n")
    lines = [event.message for event in execution.events(last=4 * LAST_LINES) if event.stream != "status"]
    for line in lines[-LAST_LINES:]:
        output.hint(f"| {displayed(line.encode())}")


def _print_metadata(execution: Execution, stream: TextIO) -> None:
    summary = execution.summary()
    if not summary.keys:
        return
    several = any(key.count > 1 for key in summary.keys.values())
    columns = [Column("metadata"), Column("latest", right=True)]
    columns += [Column("min", right=True), Column("max", right=True), Column("count", right=True)] if several else []
    rows = []
    for name, key in summary.keys.items():
        row = [name, formats.number(key.latest)]
        if several:
            bounds = [None, None] if key.count == 1 else [key.minimum, key.maximum]
            row += ["" if bound is None else formats.number(bound) for bound in bounds] + [str(key.count)]
        rows.append(row)
    output.write(stream, "\n")
    print_table(columns, rows, stream=stream)


def _print_outputs(execution: Execution, stream: TextIO) -> None:
    outputs = execution.outputs
    if not outputs:
        return
    shown = outputs[:MOST_OUTPUTS]
    output.write(stream, "\n")
    rows = [[item["name"], formats.size(item["size"])] for item in shown]
    print_table([Column("output"), Column("size", right=True)], rows, stream=stream)
    if len(outputs) > MOST_OUTPUTS:
        output.write(stream, f"... and {len(outputs) - MOST_OUTPUTS} more\n")
    output.write(stream, "".join(f"in {folder}\n" for folder in formats.folders(shown)))


def _print_next(execution: Execution) -> None:
    number = execution.counter
    if execution.complete:
        output.hint(f"localhai execution info {number}")
    else:
        output.hint(f"localhai execution logs {number}    localhai shell {number}    localhai rerun {number}")
