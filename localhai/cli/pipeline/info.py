"""`localhai pipeline info ID`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.pipeline.references import pipeline_argument

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.records.pipelines import Pipeline


@click.command("info")
@pipeline_argument
@json_option
@project_option
@pass_call
def info(call: Call, reference: str) -> None:
    """Show all about one run of a pipeline. `--json` prints the pipeline."""
    with call.look() as look:
        record = look.home.records.pipelines.find(reference, look.project_id)
        if call.json:
            output.emit_json(record.to_dict())
            return
        from localhai.cli.pipeline.screen import print_nodes

        for name, text in _facts(record):
            output.emit(f"{output.style(name.ljust(14), sys.stdout, dim=True)} {text}")
        output.emit("")
        print_nodes(record, sys.stdout, form=call.format)


def _facts(record: Pipeline) -> list[tuple[str, str]]:
    parameters = record.to_dict()["parameters"]
    facts = [
        ("Pipeline", f"#{record.counter} {record.name} of {record.project}"),
        ("Status", output.status_word(record.status, sys.stdout)),
        ("Error", record.document.get("error")),
        ("Title", record.title),
        ("Tags", ", ".join(record.document.get("tags", ()))),
        ("Commit", record.commit),
        ("Parameters", ", ".join(f"{name}={value}" for name, value in parameters.items())),
        ("Created", formats.moment(record.created)),
        ("Finished", formats.moment(record.finished)),
        ("Duration", formats.duration(record.duration)),
        ("Id", record.id),
    ]
    return [(name, str(text)) for name, text in facts if text]
