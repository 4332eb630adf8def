"""`localhai pipeline stop ID...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.pipeline.references import pipelines_argument
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.records.pipelines import Pipeline


@click.command("stop")
@pipelines_argument
@click.option("--all", "every", is_flag=True, help="Stop all that are in progress.")
@json_option
@project_option
@pass_call
def stop(call: Call, references: tuple[str, ...], *, every: bool) -> None:
    """Stop pipelines that are in progress, with all their running nodes.

    The localhai that runs one is asked to: SIGTERM to its nodes first, SIGKILL after a while; logs and outputs are
    kept. `--json` prints the pipelines as they are then.
    """
    from localhai.app.find import find_pipelines
    from localhai.app.stop import stop_pipeline

    if references == ("all",):
        references, every = (), True
    if bool(references) == every:
        raise UsageError("name pipelines to stop, or say --all", hints=["localhai pipeline stop 5", "... --all"])
    with call.look() as look:
        home, project_id = look.home, look.project_id
        records = home.records.pipelines
        found = records.list_open(project_id=project_id) if every else find_pipelines(home, project_id, references)
        stopped = []
        for record in found:
            asked = stop_pipeline(home, record.id)
            stopped.append(records.get(record.id))
            output.say(_what_happened(stopped[-1], asked=asked))
        if not found:
            output.say("no pipeline is in progress")
        if call.json:
            output.emit_json([record.to_dict() for record in stopped])


def _what_happened(record: Pipeline, *, asked: bool) -> str:
    name = f"pipeline #{record.counter} ({record.name})"
    return f"{name} is asked to stop" if asked else f"{name} has ended already: {record.status}"
