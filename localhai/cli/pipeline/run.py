"""`localhai pipeline run PIPELINE`, and `plan`: what that would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.pipeline.requested import GivenPipeline, PipelineCommand, how_options, understand, what_options
from localhai.cli.platform import PRIORITY, say_without_effect, without_effect
from localhai.project.names import option_name
from localhai.system.process import allow_many_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from valohai_yaml.objs import Config

    from localhai.app.open_project import OpenProject
    from localhai.cli.call import Call
    from localhai.cli.execution.run_command import Typed
    from localhai.pipelines.plan import Node, PipelinePlan
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
@without_effect(PRIORITY)
@json_option
@project_option
@pass_call
def run(
    call: Call,
    /,
    *,
    typed: Typed,
    reuse: tuple[str, ...],
    **words: Any,
) -> int:
    """Start a pipeline and follow it to its end.

    PIPELINE is its name or an unambiguous beginning of it. Nodes that do not wait for each other run side by side;
    each line that they write stands behind the node's name. `--json` prints the pipeline in the end.

    Exits with 0 when the pipeline is complete, 1 when it failed or was stopped, 2 for a wrong command line, 3 for a
    wrong project, 4 when something around it is missing, 130 when it was interrupted.
    """
    given = GivenPipeline(**words)
    if typed.help:
        click.echo(typed.help)
        _show_what_there_is(call, typed.subject, given)
        return 0
    given.require_one_code()
    from localhai.cli.pipeline.follow import follow
    from localhai.pipelines.arguments import parse_words

    allow_many_files()
    with call.open_project(yaml=given.yaml, recover=True) as project:
        requested = understand(
            project,
            typed.subject,
            parse_words(typed.words),
            given.commit,
            environment=given.environment,
            git_packaging=given.git_packaging,
            include_untracked=given.include_untracked,
        )
        if not given.quiet:
            say_without_effect()
            if not given.include_untracked:
                output.say_all(requested.sources.snapshot().warnings)
        reused = reused_nodes(project, requested.plan, reuse) if reuse else {}
        if reused and not given.quiet:
            output.say(f"reused: {', '.join(reused)}")
        return follow(call, requested, given, reused=reused)


def _show_what_there_is(call: Call, name: str | None, given: GivenPipeline) -> None:
    """Below the help, where there is a project that can be read: its pipelines, or what one of them takes."""
    from localhai.errors import LocalhaiError

    try:
        with call.open_project(yaml=given.yaml) as project:
            if name is None:
                text = pipeline_list(project.config().config)
            else:
                text = pipeline_help(understand(project, name, {}, given.commit).plan)
    except LocalhaiError:
        if name is None:
            return
        raise
    output.emit("\n" + text)


def reused_nodes(project: OpenProject, plan: PipelinePlan, specs: Sequence[str]) -> dict[str, Kept]:
    """What `--reuse` names. Raises UsageError."""
    from localhai.app.nodes import further_runners
    from localhai.pipelines import resuming
    from localhai.pipelines.running import all_runners

    return resuming.reuse(project.home, project.record.id, plan, specs, all_runners(further_runners()))


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
    **words: Any,
) -> int:
    """Show what `pipeline run` would do, as text, Mermaid or DOT. Needs neither Docker nor network.

    `--json` prints name, nodes, edges and parameters as they would run.
    """
    given = GivenPipeline(**words)
    if typed.help:
        click.echo(typed.help)
        return 0
    from localhai.app.nodes import further_runners
    from localhai.pipelines import drawing as draw
    from localhai.pipelines.arguments import parse_words
    from localhai.pipelines.runners import preflight
    from localhai.pipelines.running import all_runners

    with call.open_project(yaml=given.yaml) as project:
        requested = understand(project, typed.subject, parse_words(typed.words), given.commit)
        runners = all_runners(further_runners())
        preflight(requested.sources, requested.plan, runners, secrets=tuple(project.options().secrets))
    if call.json:
        output.emit_json(requested.plan.to_dict())
    else:
        output.emit({"text": draw.as_text, "mermaid": draw.as_mermaid, "dot": draw.as_dot}[drawing](requested.plan))
    return 0


def pipeline_list(config: Config) -> str:
    """The pipelines of a project, one line each."""
    rows = [(name, ", ".join(node.name for node in item.nodes)) for name, item in config.pipelines.items()]
    return _sections({"Pipelines": rows or [("none", "in this valohai.yaml")]})


def pipeline_help(plan: PipelinePlan) -> str:
    """The parameters of the pipeline, then parameters and inputs of each node that can be given."""
    from localhai.pipelines.drawing import what

    sections = {
        "Parameters": [(f"--{option_name(name)}", _shown_value(value)) for name, value in plan.parameters.items()]
    }
    for node in plan.nodes:
        sections[f"Node {node.name}, {what(node)}"] = _of_node(node)
    return f"Pipeline {plan.name}\n\n{_sections(sections)}"


def _of_node(node: Node) -> list[tuple[str, str]]:
    values = {**node.defaults, **node.parameters}
    rows = [(f"--{node.name}.{option_name(name)}", _shown_value(value)) for name, value in values.items()]
    return rows + [
        (f"--{node.name}.{option_name(name)}=URI", _shown_value(list(uris))) for name, uris in node.inputs.items()
    ]


def _shown_value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return "" if value in {None, ""} else f"[{value}]"


def _sections(sections: dict[str, list[tuple[str, str]]]) -> str:
    from localhai.cli.execution.step_help import WIDTH

    formatter = click.HelpFormatter(width=WIDTH)
    for name, rows in sections.items():
        if rows:
            with formatter.section(name):
                formatter.write_dl(rows)
    return formatter.getvalue().strip("\n")
