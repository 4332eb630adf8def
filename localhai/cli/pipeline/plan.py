"""`localhai pipeline plan PIPELINE`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.pipeline.requested import PipelineCommand, understand, what_options

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.cli.execution.run_command import Typed


@click.command("plan", cls=PipelineCommand)
@what_options
@click.option(
    "--format", "drawing", type=click.Choice(["text", "mermaid", "dot"]), default="text", help="How to draw the graph."
)
@json_option
@project_option
@pass_call
def plan(
    call: Call,
    /,
    *,
    typed: Typed,
    drawing: str,
    **given: Any,
) -> int:
    """Show what `pipeline run` would do, as text, Mermaid or DOT. Needs neither Docker nor network.

    `--json` prints name, nodes, edges and parameters as they would run.
    """
    if typed.help:
        click.echo(typed.help)
        return 0
    from localhai.app.nodes import further_runners
    from localhai.pipelines import drawing as draw
    from localhai.pipelines.arguments import parse_words
    from localhai.pipelines.runners import preflight
    from localhai.pipelines.running import all_runners

    with call.open_project(yaml=given["yaml"]) as project:
        requested = understand(project, typed.subject, parse_words(typed.words), given["commit"])
        runners = all_runners(further_runners())
        preflight(requested.sources, requested.plan, runners, secrets=tuple(project.options().secrets))
    if call.json:
        output.emit_json(requested.plan.to_dict())
    else:
        output.emit({"text": draw.as_text, "mermaid": draw.as_mermaid, "dot": draw.as_dot}[drawing](requested.plan))
    return 0
