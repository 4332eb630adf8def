"""What a `pipeline run`, `plan` or `rerun` command line asks for, and the command class behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem
from msgspec import Struct

from localhai.cli import output
from localhai.cli.execution.run_command import StepCommand
from localhai.cli.options import (
    Given,
    env_file_option,
    git_packaging_option,
    package_cache_option,
    pull_option,
    together,
    untracked_option,
)
from localhai.errors import LocalhaiError, UsageError

if TYPE_CHECKING:
    from localhai.app.open_project import OpenProject
    from localhai.cli.call import Call
    from localhai.pipelines.plan import PipelinePlan
    from localhai.pipelines.sources import Sources

# Which code.
what_options = together(
    click.option("--commit", "-c", metavar="REF", help="Run this git commit (SHA, branch, tag) instead of your files."),
    click.option("--yaml", metavar="PATH", help="Another file than valohai.yaml."),
    click.option("--adhoc", "-a", is_flag=True, help="Run your files as they are; so it is anyway without --commit."),
    git_packaging_option,
    untracked_option,
)
# How to run it.
how_options = together(
    click.option("--title", "-t", help="Title of the pipeline."),
    click.option("--tag", "tags", multiple=True, help="Tag the pipeline. Repeatable."),
    click.option("--environment", "-e", help="The slug for all nodes; recorded, without effect here."),
    click.option(
        "--jobs",
        "-j",
        type=click.IntRange(min=1),
        help="How many nodes and executions may run at a time; default: one per CPU, up to 4.",
    ),
    click.option("--approve-all", is_flag=True, help="Wait for no approval: go on, and say so."),
    env_file_option,
    pull_option,
    package_cache_option,
    click.option(
        "--fail-on-cache-miss",
        is_flag=True,
        help="Let no step run: each execution must equal an earlier one; exits with 5 where one does not.",
    ),
    click.option("--quiet", "-q", is_flag=True, help="Nothing but the output of the nodes."),
)


class PipelineCommand(StepCommand):
    """Options of its own anywhere, then PIPELINE and whatever parameters that has."""

    metavar = "PIPELINE"

    def names_of(self, call: Call, reference: str) -> set[str]:
        from localhai.pipelines.planning import find_pipeline
        from localhai.project.names import option_name

        try:
            with call.open_project() as project:
                pipeline = find_pipeline(project.config().config, reference)
        except LocalhaiError:
            return set()
        return {option_name(parameter.name) for parameter in pipeline.parameters}

    def complete_subject(self, call: Call, incomplete: str) -> list[CompletionItem]:
        try:
            with call.open_project() as project:
                names = list(project.config().config.pipelines)
        except LocalhaiError:
            return []
        return [CompletionItem(name) for name in names if name.lower().startswith(incomplete.lower())]


class GivenPipeline(Given, frozen=True, kw_only=True):
    """What was typed for a run of a pipeline."""

    title: str | None = None
    tags: Sequence[str] = ()
    environment: str | None = None
    jobs: int | None = None
    approve_all: bool = False


class RequestedPipeline(Struct, frozen=True):
    """A command line, understood against the project: ready to draw or run."""

    sources: Sources
    plan: PipelinePlan


def understand(
    project: OpenProject,
    name: str | None,
    arguments: Mapping[str, Any],
    commit: str | None,
    *,
    environment: str | None = None,
    git_packaging: bool = True,
    include_untracked: bool = True,
) -> RequestedPipeline:
    """Look the pipeline up and plan it. Raises UsageError and ProjectError."""
    from localhai.pipelines.sources import Sources

    sources = Sources(project, commit, git_packaging=git_packaging, include_untracked=include_untracked)
    if name is None:
        names = ", ".join(sources.config().config.pipelines) or "there are none in this valohai.yaml"
        raise UsageError("which pipeline?", hints=["localhai pipeline run PIPELINE [--NAME=VALUE]...", names])
    made = sources.plan(name, arguments)
    output.say_all(project.take_notes())
    return RequestedPipeline(sources, made.in_environment(environment))
