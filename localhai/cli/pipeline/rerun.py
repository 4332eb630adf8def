"""`localhai pipeline rerun ID`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from localhai.cli import output
from localhai.cli.completion import pipelines
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.pipeline.requested import GivenPipeline, PipelineCommand, how_options, understand
from localhai.errors import LocalhaiError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from localhai.cli.call import Call
    from localhai.cli.execution.run_command import Typed


class RerunPipelineCommand(PipelineCommand):
    """As `run`, with an earlier run in the place of PIPELINE."""

    metavar = "ID"

    def names_of(self, call: Call, reference: str) -> set[str]:
        from localhai.project.names import option_name

        try:
            with call.look() as look:
                record = look.home.records.pipelines.find(reference, look.project_id)
        except LocalhaiError:
            return set()
        return {option_name(name) for name in record.document["plan"]["parameters"]}

    def complete_subject(self, call: Call, incomplete: str) -> list[CompletionItem]:
        return pipelines(call, incomplete)


@click.command("rerun", cls=RerunPipelineCommand)
@click.option("--from-failed", is_flag=True, help="Keep the nodes that succeeded; run only the others.")
@click.option("--current", is_flag=True, help="Take your files as they are now, instead of the code that it ran with.")
@how_options
@json_option
@project_option
@pass_call
def rerun(
    call: Call,
    /,
    *,
    typed: Typed,
    from_failed: bool,
    current: bool,
    **words: Any,
) -> int:
    """Run a pipeline again: the same code and values, but for what is given here.

    With --from-failed, nodes that succeeded are kept as long as neither their definition nor their values nor anything
    before them changed; a task node goes on with its task, whose complete executions are kept. `--json` prints the
    pipeline in the end.
    """
    given = GivenPipeline(**words)
    if typed.help:
        click.echo(typed.help)
        return 0
    if typed.subject is None:
        raise UsageError("which pipeline?", hints=["localhai pipeline rerun 5", "see them: localhai pipeline list"])
    from localhai.app.nodes import further_runners
    from localhai.app.rerun import recorded_env_file
    from localhai.cli.pipeline.follow import follow
    from localhai.pipelines.arguments import parse_words
    from localhai.pipelines.resuming import begun, keep, recorded_plan
    from localhai.pipelines.running import all_runners

    with call.open_project(recover=True) as project:
        record = project.home.records.pipelines.find(typed.subject, project.record.id)
        if record.project_id != project.record.id:
            raise UsageError(
                f"pipeline {typed.subject} is one of project {record.project}", hints=["call from its folder"]
            )
        before = recorded_plan(record)
        arguments = {**before.arguments, **parse_words(typed.words)}
        environment = given.environment or before.environment
        given = replace(
            given,
            title=given.title or record.title,
            tags=given.tags or record.document["tags"],
            env_file=given.env_file or recorded_env_file(record.document, output.say),
        )
        commit = None if current else record.commit
        requested = understand(project, record.name, arguments, commit, environment=environment)
        kept = keep(project.home, record, requested.plan, all_runners(further_runners())) if from_failed else {}
        if from_failed and not given.quiet:
            output.say(f"kept from pipeline #{record.counter}: {', '.join(kept) or 'nothing'}")
        half_done = begun(record, requested.plan) if from_failed else {}
        return follow(call, requested, given, kept, begun=half_done)
