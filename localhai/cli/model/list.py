"""`localhai model list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.versions import print_parents

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.executions.open_project import OpenProject
    from localhai.records import VersionParent


@click.command("list")
@click.option("--count", "--limit", "-n", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@click.option("--name", metavar="TEXT", help="Only models with this in their name.")
@click.option("--tag", "-t", "tags", multiple=True, help="Only models with a version of this tag; may be repeated.")
@click.option("--quiet", "-q", is_flag=True, help="Only names and ids, one model in a line.")
@json_option
@project_option
@pass_call
def list_models(call: Call, *, count: int, name: str | None, tags: tuple[str, ...], quiet: bool) -> None:
    """Show the models of the project.

    `--json` prints `[{id, name, created, versions, latest}]`.
    """
    with call.open_project(recover=True) as project:
        found = project.home.records.versions.parents(project.record.id, "model")
        if tags:
            found = [item for item in found if set(tags) <= _tags(project, item)]
    found = [item for item in found if name is None or name.lower() in item.name.lower()]
    if quiet and not call.json:
        for item in found[:count]:
            output.emit(f"{item.name}\t{item.id}")
        return
    print_parents(found[:count], "model", call.format)


def _tags(project: OpenProject, model: VersionParent) -> set[str]:
    versions = project.home.records.versions.list(project.record.id, "model", model.name)
    return {tag for version in versions for tag in version.tags}
