"""`localhai execution collect EXECUTION...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import executions_argument, json_option, pass_call, project_option

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("collect")
@executions_argument(required=True)
@json_option
@project_option
@pass_call
def collect(call: Call, references: tuple[str, ...]) -> None:
    """Collect outputs that could not be collected when their execution ended.

    The store, the engine or the disk may have been away or full then: what could not be collected was kept where it
    is. The status of the execution stays. `--json` prints the executions as they are then.
    """
    from localhai.executions.run.collect import collect as collect_one

    with call.look() as look:
        found = look.executions(references)
        for execution in found:
            collect_one(look.home, execution.id)
            count = len(execution.refresh().outputs)
            output.say(f"execution #{execution.counter} ({execution.step}): {count} output{'' if count == 1 else 's'}")
        if call.json:
            output.emit_json([execution.to_dict() for execution in found])
