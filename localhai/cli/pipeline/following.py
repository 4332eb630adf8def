"""A pipeline run in sight of a person: live output, Ctrl-C, the table, the exit code."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

from localhai.app.nodes import further_runners
from localhai.cli import output
from localhai.cli.execution.following_run import exit_code
from localhai.cli.pipeline.requested import run_options
from localhai.cli.pipeline.screen import PipelineScreen, print_summary
from localhai.executions.run.stop import Interruption, signals_ask
from localhai.pipelines.running import PipelineOptions, run_pipeline, usual_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.cli.call import Call
    from localhai.cli.pipeline.requested import RequestedPipeline
    from localhai.pipelines.runners import Kept, Made


def follow(
    call: Call,
    requested: RequestedPipeline,
    given: Mapping[str, Any],
    kept: Mapping[str, Kept] | None = None,
    reused: Mapping[str, Kept] | None = None,
    begun: Mapping[str, Made] | None = None,
) -> int:
    """Run it under a screen and under signals; gives the exit code (docs/json.md)."""
    screen = PipelineScreen(as_json=call.json, quiet=given["quiet"])
    interruption = Interruption()
    options = PipelineOptions(
        jobs=given["jobs"] or usual_jobs(),
        title=given["title"],
        tags=given["tags"],
        approve_all=given["approve_all"],
        runners=further_runners(),
    )
    try:
        with signals_ask(interruption, lambda number, level: _say_interrupted(screen, number, level)):
            record = run_pipeline(
                requested.sources,
                requested.plan,
                run_options=run_options(requested.sources.project, given),
                options=options,
                kept=kept,
                reused=reused,
                begun=begun,
                observer=screen,
                interruption=interruption,
            )
    finally:
        screen.close()
    if call.json:
        output.emit_json(record.to_dict())
    elif not given["quiet"]:
        print_summary(record, sys.stderr)
    elif record.status != "complete":
        output.say(f"pipeline #{record.counter} {record.name}: {record.status}: {record.document.get('error')}")
    if screen.missed is not None and record.status == "error":
        return screen.missed.exit_code
    return exit_code(record.status, interrupted=interruption.asked)


def _say_interrupted(screen: PipelineScreen, number: int, level: int) -> None:
    name = signal.Signals(number).name if number != signal.SIGINT else "Ctrl-C"
    if level == 1:
        screen.interrupted(f"{name}: stopping {screen.what} and its nodes; once more forces it")
    else:
        screen.interrupted(f"{name} again: killing the nodes of {screen.what}")
