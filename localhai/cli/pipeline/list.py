"""`localhai pipeline list` and `info`, and `approve`: a word that a run waits for."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.listing import (
    all_projects_option,
    count_option,
    owned_options,
    print_facts,
    print_list,
    print_no_deleted,
)
from localhai.cli.options import json_option, pass_call, pipeline_argument, project_option
from localhai.cli.table import Column, print_table
from localhai.errors import UsageError
from localhai.project.names import unknown

if TYPE_CHECKING:
    from typing import Any, TextIO

    from localhai.cli.call import Call
    from localhai.records.pipelines import Pipeline, PipelineNode

_COLUMNS = (
    *(Column("#", right=True), Column("Status"), Column("Pipeline"), Column("Nodes", right=True)),
    *(Column("Duration", right=True), Column("Created"), Column("Commit"), Column("Title"), Column("Id")),
)


@click.command("list")
@count_option(50)
@owned_options("pipelines")
@all_projects_option("Pipelines")
@json_option
@project_option
@pass_call
def list_pipelines(call: Call, *, count: int, owned: bool, deleted: bool, all_projects: bool) -> None:
    """Show a list of the pipelines that ran, newest first. `--json` prints a list of pipelines."""
    from localhai.app.list import list_pipelines as select

    if deleted:
        print_no_deleted(call, "pipelines")
        return
    with call.look() as look:
        all_projects = all_projects or look.project is None
        found = select(look.home, look.listing(count, owned=owned, all_projects=all_projects))
        print_list(
            call,
            found,
            lambda item: item.to_dict(),
            [Column("Project"), *_COLUMNS] if all_projects else _COLUMNS,
            partial(_row, call.format, all_projects),
            none="no pipelines of yours" if owned else "no pipelines yet: localhai pipeline run PIPELINE",
        )


def _row(form: str, all_projects: bool, item: Pipeline) -> list[str | None]:
    """A number is only good within a project: where others are listed, or programs read it, the id stands too."""
    done = sum(node.status == "complete" for node in item.nodes)
    row: list[str | None] = [str(item.counter), item.status, item.name, f"{done}/{len(item.nodes)}"]
    row += [formats.duration(item.duration), formats.moment(item.created), formats.commit(item.commit)]
    row += [item.title if item.title != item.name else None, item.id if all_projects or form != "human" else None]
    return [item.project, *row] if all_projects else row


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
        print_facts(_facts(record), dim=True)
        output.emit("")
        print_nodes(record, sys.stdout, form=call.format)


def _facts(record: Pipeline) -> list[tuple[str, Any]]:
    parameters = record.to_dict()["parameters"]
    return [
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


def print_nodes(record: Pipeline, stream: TextIO, *, form: str = "human") -> None:
    """The table of a pipeline's nodes."""
    columns = [Column("Node"), Column("Type"), Column("Status"), Column("Made"), Column("Reason")]
    rows = [[node.name, node.type, node.status, _made(node), node.document.get("reason")] for node in record.nodes]
    print_table(columns, rows, form=form, stream=stream)


def _made(node: PipelineNode) -> str | None:
    """What it made, as other commands take it."""
    deployment = node.document.get("deployment")
    if deployment:
        return f"{deployment['name']}/{deployment['version']}"
    if node.task is not None and node.task.get("counter"):
        return f"task #{node.task['counter']}"
    return f"#{node.execution['counter']}" if node.execution is not None and node.execution.get("counter") else None


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
