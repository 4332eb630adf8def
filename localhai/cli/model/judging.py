"""`localhai model approve NAME VERSION` and `model reject`: what people think of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.versions import one_version, split

if TYPE_CHECKING:
    from localhai.cli.call import Call

_HELP = """{verb} a version of a model. Its files never change, and it can be taken back by the other command.

VERSION is its number, its name (`v2`) or `latest`. `--json` prints the version, as `model version` does.
"""


def _command(name: str, status: str) -> click.Command:
    @click.command(name, help=_HELP.format(verb=name.capitalize()))
    @click.argument("model", metavar="NAME")
    @click.argument("reference", metavar="VERSION")
    @json_option
    @project_option
    @pass_call
    def judge(call: Call, *, model: str, reference: str) -> None:
        with call.open_project(recover=True) as project:
            found = one_version(project, "model", split(model, "model")[0], reference)
            project.home.records.versions.set_status(found, status)
            judged = one_version(project, "model", found.parent, found.name)
        if call.json:
            output.emit_json(judged.to_dict())
        else:
            output.say(f"{judged.uri} is {judged.status}")

    return judge


approve = _command("approve", "approved")
reject = _command("reject", "rejected")
