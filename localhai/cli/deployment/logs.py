"""`localhai deployment logs VERSION`."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.deployment.requested import version_argument
from localhai.cli.options import json_option, pass_call, project_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("logs")
@version_argument
@click.option("--endpoint", "-e", metavar="NAME", help="Of which endpoint; default: the only one.")
@click.option("--last", "-n", type=click.IntRange(min=0), help="Only that many lines, the last ones.")
@json_option
@project_option
@pass_call
def logs(call: Call, reference: str, *, endpoint: str | None, last: int | None) -> None:
    """Show the log of an endpoint: its build and its server; default: of the newest version.

    `--json` prints `[{stream, time, message}]`.
    """
    from localhai.deployments.versions import FOLDER
    from localhai.executions.log.log import read_events
    from localhai.project.names import find_by_prefix

    with call.look() as look:
        version = look.home.records.deployments.find_version(reference, look.project_id)
        names = [item.name for item in version.endpoints]
        if endpoint is None and len(names) != 1:
            raise UsageError("which endpoint?", hints=[f"--endpoint {name}" for name in names])
        name = names[0] if endpoint is None else find_by_prefix("endpoint", "endpoints", endpoint, names)
        events = deque(read_events(look.home.folder / FOLDER / version.id / name), maxlen=last)
        if call.json:
            output.emit_json([event.to_dict() for event in events])
            return
        for event in events:
            output.emit(event.message)
