"""`localhai execution stop EXECUTION...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import executions_argument, json_option, pass_call, project_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call, HomeView
    from localhai.executions.execution import Execution


@click.command("stop")
@executions_argument(required=False)
@click.option("--all", "every", is_flag=True, help="Stop all that are in progress.")
@json_option
@project_option
@pass_call
def stop(call: Call, references: tuple[str, ...], *, every: bool) -> None:
    """Stop executions that are in progress.

    Each is asked to stop by the localhai that runs it: SIGTERM first, SIGKILL after a while; log and outputs are kept.
    `--json` prints the executions as they are then.
    """
    from localhai.app.stop import stop_execution

    if references == ("all",):
        references, every = (), True
    if bool(references) == every:
        raise UsageError("name executions to stop, or say --all", hints=["localhai execution stop 5", "... --all"])
    with call.look() as look:
        found = _in_progress(look) if every else look.executions(references)
        for execution in found:
            asked = stop_execution(look.home, execution.record)
            execution.refresh()
            output.say(_what_happened(execution, asked=asked))
        if not found:
            output.say("nothing is in progress")
        if call.json:
            output.emit_json([execution.to_dict() for execution in found])


def _in_progress(look: HomeView) -> list[Execution]:
    from localhai.executions.execution import Execution

    return [Execution(look.home, row) for row in look.home.records.executions.list_open(project_id=look.project_id)]


def _what_happened(execution: Execution, *, asked: bool) -> str:
    name = f"execution #{execution.counter} ({execution.step})"
    return f"{name} is asked to stop" if asked else f"{name} has ended already: {execution.status}"
