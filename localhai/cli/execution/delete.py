"""`localhai execution delete EXECUTION...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.options import confirm, executions_argument, json_option, pass_call, project_option, yes_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call
    from localhai.executions.execution import Execution


@click.command("delete")
@executions_argument(required=True)
@click.option(
    "--purge-outputs/--no-purge-outputs",
    default=None,
    help="Their outputs too, without asking; or keep these as data of the project.",
)
@yes_option
@json_option
@project_option
@pass_call
def delete(call: Call, references: tuple[str, ...], *, purge_outputs: bool | None, yes: bool) -> None:
    """Delete executions that have ended: record, log and outputs.

    Outputs go with their execution, where there are any after a question, unless --no-purge-outputs keeps them.
    `--json` prints what was deleted.
    """
    from localhai.executions.delete import delete as delete_one

    with call.look() as look:
        found = look.executions(references)
        keeps = purge_outputs is False
        question = None if keeps else _question(found)
        if question and not (yes or purge_outputs):
            confirm(question, option="--purge-outputs")
        for execution in found:
            delete_one(look.home, execution, keep_outputs=keeps)
            kept = ", its outputs are kept: localhai data list" if keeps and execution.outputs else ""
            output.say(f"execution #{execution.counter} ({execution.step}) is deleted{kept}")
        if call.json:
            output.emit_json([{"id": item.id, "counter": item.counter} for item in found])


def _question(found: Sequence[Execution]) -> str | None:
    outputs = [item for execution in found for item in execution.outputs if not item["purged"]]
    if not outputs:
        return None
    count = f"{len(outputs)} output{'' if len(outputs) == 1 else 's'}"
    return f"This deletes {count} ({formats.size(sum(item['size'] for item in outputs))}) too. Go on?"
