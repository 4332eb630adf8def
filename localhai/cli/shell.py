"""`localhai shell EXECUTION`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import complete_execution, pass_call, project_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.app.open_project import OpenProject
    from localhai.cli.call import Call
    from localhai.executions.execution import Execution

SCRIPT = "/valohai/config/.command"


@click.command("shell", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--env-file", metavar="FILE", help="Secrets, NAME=VALUE lines; default: the file that the execution had.")
@project_option
@click.argument("reference", metavar="EXECUTION", shell_complete=complete_execution)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@pass_call
def shell(call: Call, reference: str, *, env_file: str | None, command: tuple[str, ...]) -> int:
    """Open a shell in the environment of an execution: same image, code, inputs, config and variables.

    COMMAND runs instead of the shell. Nothing changes the execution: what is left in outputs goes to a folder of its
    own, which is named in the end.
    """
    from localhai.app.find import project_of_execution
    from localhai.app.shell import visit

    with call.look() as look:
        execution = look.execution(reference)
        project = project_of_execution(look.home, execution.record)
        commit = execution.record.commit
        snapshot = project.snapshot(commit)
        output.say(f"execution #{execution.counter}, {execution.step}; its command is in {SCRIPT}")
        ended = visit(
            look.home,
            project.record,
            execution,
            snapshot,
            settings=project.settings,
            secrets=_secrets(project, execution, env_file),
            command=command,
            say=output.say,
        )
    if ended.outputs is not None:
        output.say(f"outputs of this shell are in {ended.outputs}")
    return 1 if command and ended.exit_code != 0 else 0


def _secrets(project: OpenProject, execution: Execution, env_file: str | None) -> Mapping[str, str]:
    from localhai.executions.run.secrets import read_env_file

    secrets = dict(project.options().secrets)
    recorded = execution.record.document.get("env_file")
    if env_file is not None:
        if not Path(env_file).is_file():
            raise UsageError(f"{env_file} is no file", where=env_file)
        secrets |= read_env_file(Path(env_file))
    elif recorded is not None and Path(recorded).is_file():
        secrets |= read_env_file(Path(recorded))
    return secrets
