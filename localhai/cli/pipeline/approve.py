"""`localhai pipeline approve ID NODE`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.pipeline.references import pipeline_argument
from localhai.errors import UsageError
from localhai.project.names import unknown

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("approve")
@pipeline_argument
@click.argument("node")
@json_option
@project_option
@pass_call
def approve(call: Call, reference: str, node: str) -> None:
    """Let a node go on that waits for approval (`then: require-approval`). `--json` prints the pipeline."""
    with call.look() as look:
        records = look.home.records
        record = records.pipelines.find(reference, look.project_id)
        if record.finished is not None:
            raise UsageError(f"pipeline #{record.counter} has ended: {record.status}", where=record.id)
        if record.node(node) is None:
            known = [item.name for item in record.nodes]
            raise unknown("node", "nodes", node, known, of=f" in pipeline #{record.counter}")
        records.pipelines.approve_node(record.id, node)
        output.say(f"node {node} of pipeline #{record.counter} is approved")
        if call.json:
            output.emit_json(records.pipelines.get(record.id).to_dict())
