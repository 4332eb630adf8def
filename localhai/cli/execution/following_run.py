"""A run in sight of a person: live output, Ctrl-C, the summary, the exit code."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.cli import output
from localhai.cli.execution.screen import Screen
from localhai.cli.execution.summary import print_summary
from localhai.errors import Interrupted
from localhai.executions.run.stop import Interruption, signals_ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from localhai.cli.call import Call
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home
    from localhai.executions.run.observer import Observer


def follow(
    call: Call,
    home: Home,
    step: str,
    work: Callable[[Observer, Interruption], Execution],
    *,
    quiet: bool = False,
    progress: bool = True,
    prefix: bool = True,
    download: str | None = None,
    notes: Callable[[Execution], Iterable[str]] | None = None,
) -> int:
    """Do `work` under a screen and under signals; gives the exit code (docs/json.md). Raises what `work` raises."""
    screen = Screen(step, as_json=call.json, quiet=quiet, progress=progress, prefix=prefix)
    interruption = Interruption()
    try:
        with signals_ask(interruption, lambda number, level: _say_interrupted(screen, number, level)):
            execution = work(screen, interruption)
    finally:
        screen.close()
        call.execution = screen.execution
    if download is not None:
        from localhai.cli.execution.copying import copy_outputs

        target = Path(download.replace("{counter}", str(execution.counter)))
        copy_outputs(home, execution.outputs, target, force=True)
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


def _say_interrupted(screen: Screen, number: int, level: int) -> None:
    name = signal.Signals(number).name if number != signal.SIGINT else "Ctrl-C"
    if level == 1:
        screen.interrupted(f"{name}: stopping {screen.what}; once more forces it")
    else:
        screen.interrupted(f"{name} again: killing {screen.what}")
