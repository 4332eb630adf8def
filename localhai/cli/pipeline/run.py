"""`localhai pipeline run PIPELINE`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import words
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.pipeline.requested import PipelineCommand, how_options, understand, what_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call
    from localhai.executions.open_project import OpenProject
    from localhai.pipelines.plan import PipelinePlan
    from localhai.pipelines.runners import Kept

EPILOG = (
    "Parameters follow the name: --NAME=VALUE for one of the pipeline, --NODE.NAME=VALUE for a parameter or input of a "
    "node, --NAME+=VALUE for each value of a list."
)


@click.command("run", cls=PipelineCommand, epilog=EPILOG)
@what_options
@how_options
@click.option(
    "--reuse",
    multiple=True,
    metavar="ID:NODE,...",
    help="Take nodes as they came out of an earlier pipeline: 5:preprocess,train* or latest:*. Repeatable.",
)
@json_option
@project_option
@pass_call
@click.pass_context
def run(
    ctx: click.Context,
    call: Call,
    /,
    *,
    step_name: str | None,
    step_arguments: tuple[str, ...],
    want_help: bool,
    reuse: tuple[str, ...],
    **given: Any,
) -> int:
    """Start a pipeline and follow it to its end.

    PIPELINE is its name or an unambiguous beginning of it. Nodes that do not wait for each other run side by side;
    each line that they write stands behind the node's name. `--json` prints the pipeline in the end.

    Exits with 0 when the pipeline is complete, 1 when it failed or was stopped, 2 for a wrong command line, 3 for a
    wrong project, 4 when something around it is missing, 130 when it was interrupted.
    """
    if want_help:
        click.echo(ctx.get_help())
        return 0
    from localhai.cli.pipeline.following import follow
    from localhai.pipelines.arguments import parse_words

    with call.open_project(yaml=given["yaml"], recover=True) as project:
        requested = understand(project, step_name, parse_words(step_arguments), given["commit"])
        reused = reused_nodes(project, requested.plan, reuse) if reuse else {}
        if reused and not given["quiet"]:
            words.say(f"reused: {', '.join(reused)}")
        return follow(call, requested, given, reused=reused)


def reused_nodes(project: OpenProject, plan: PipelinePlan, specs: Sequence[str]) -> dict[str, Kept]:
    """What `--reuse` names. Raises UsageError."""
    from localhai.nodes.runners import further_runners
    from localhai.pipelines import reusing
    from localhai.pipelines.running import all_runners

    return reusing.reuse(project.home, project.record.id, plan, specs, all_runners(further_runners()))
