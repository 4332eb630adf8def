"""`localhai pipeline stop ID`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import words
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.pipeline.references import pipeline_argument

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("stop")
@pipeline_argument
@json_option
@project_option
@pass_call
def stop(call: Call, reference: str) -> None:
    """Stop a pipeline that is in progress, with all its running nodes.

    The localhai that runs it is asked to: SIGTERM to its nodes first, SIGKILL after a while; logs and outputs are kept.
    `--json` prints the pipeline.
    """
    with call.look() as look:
        record = look.home.records.find_pipeline(reference, look.project_id)
        asked = look.home.records.request_pipeline_stop(record.id)
        record = look.home.records.pipeline(record.id)
        name = f"pipeline #{record.counter} ({record.name})"
        words.say(f"{name} is asked to stop" if asked else f"{name} has ended already: {record.status}")
        if call.json:
            words.emit_json(record.to_dict())
