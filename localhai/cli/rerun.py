"""`localhai rerun EXECUTION`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from localhai.cli import output
from localhai.cli.execution.requested import GivenExecution, Requested, planning_options, understand
from localhai.cli.execution.run import running_options
from localhai.cli.execution.run_command import StepCommand
from localhai.cli.options import json_option, pass_call, project_option
from localhai.errors import LocalhaiError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from localhai.app.open_project import OpenProject
    from localhai.cli.call import Call
    from localhai.cli.execution.run_command import Typed
    from localhai.executions.execution import Execution

EPILOG = "Parameters and inputs of its step can be changed: `localhai rerun 5 --epochs=20`."


class RerunCommand(StepCommand):
    """As `run`, with an execution in the place of STEP."""

    metavar = "EXECUTION"

    def names_of(self, call: Call, reference: str) -> set[str]:
        from localhai.project.names import option_name

        try:
            with call.look() as look:
                plan = look.execution(reference).plan()
        except (LocalhaiError, OSError, ValueError):
            return set()
        return {option_name(name) for name in (*plan.parameters, *(item.name for item in plan.inputs))}

    def complete_subject(self, call: Call, incomplete: str) -> list[CompletionItem]:
        from localhai.cli.completion import executions

        return executions(call, incomplete)


@click.command("rerun", cls=RerunCommand, epilog=EPILOG)
@planning_options
@running_options
@click.option("--current", is_flag=True, help="Run your files as they are now, instead of the code that it ran with.")
@json_option
@project_option
@pass_call
def rerun(
    call: Call,
    /,
    *,
    typed: Typed,
    dry_run: bool,
    current: bool,
    **words: Any,
) -> int:
    """Run an execution again: the same code, image, parameters, inputs and variables, but for what is given here."""
    given = GivenExecution(**words)
    if typed.help:
        click.echo(typed.help)
        return 0
    if typed.subject is None:
        raise UsageError("which execution?", hints=["localhai rerun 5", "see them: localhai execution list"])
    from localhai.app.find import project_of_execution
    from localhai.app.rerun import differences
    from localhai.cli.execution.follow import follow

    with call.look() as look:
        earlier = look.execution(typed.subject)
        if current and given.commit:
            raise UsageError("--current and --commit exclude each other")
        if not current and not given.commit:
            given = replace(given, commit=earlier.record.commit)
        project = project_of_execution(look.home, earlier.record, yaml=given.yaml)
        requested = _again(earlier, project, typed.words, given)
        if dry_run:
            from localhai.cli.plan import show_plan

            show_plan(call, requested)
            return 0
        return follow(call, requested, given, notes=lambda later: differences(earlier, later))


def _again(earlier: Execution, project: OpenProject, arguments: tuple[str, ...], given: GivenExecution) -> Requested:
    from localhai.app.rerun import execution_again, recorded_code, recorded_env_file

    if given.env_file is None:
        given = replace(given, env_file=recorded_env_file(earlier.record.document, output.say))
    if given.commit is not None:
        recorded_code(project, given.commit)
    asked = understand(project, earlier.plan().step, arguments, given).sorted()
    secrets = tuple(asked.options.secrets)
    return replace(asked, overrides=execution_again(earlier, asked.config, asked.overrides, secrets=secrets))
