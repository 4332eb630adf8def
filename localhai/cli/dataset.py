"""`localhai dataset`: versions of files that an input can name together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.listing import count_option
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.versions import all_versions, one_version, print_parents, print_version, print_versions, split

if TYPE_CHECKING:
    from localhai.cli.call import Call


@click.command("list")
@count_option(100)
@click.option("--name", metavar="TEXT", help="Only datasets with this in their name.")
@json_option
@project_option
@pass_call
def list_datasets(call: Call, *, count: int, name: str | None) -> None:
    """Show the datasets of the project.

    `--json` prints `[{id, name, created, versions, latest}]`.
    """
    with call.open_project(recover=True) as project:
        found = project.home.records.versions.parents(project.record.id, "dataset")
    found = [item for item in found if name is None or name.lower() in item.name.lower()]
    print_parents(found[:count], "dataset", call.format)


@click.command("info")
@click.argument("dataset", metavar="NAME[/VERSION]")
@json_option
@project_option
@pass_call
def info(call: Call, *, dataset: str) -> None:
    """Show the versions of a dataset, or the files of one version.

    VERSION is a version, an alias or `latest`. `--json` prints the versions, newest first, or the one version:
    `{id, dataset, name, counter, uri, created, execution, from, aliases, tags, packaging, files[datum]}`.
    """
    name, reference = split(dataset, "dataset")
    with call.open_project(recover=True) as project:
        if reference is not None:
            print_version(project, one_version(project, "dataset", name, reference), call.format)
            return
        found = all_versions(project, "dataset", name)
    if call.json:
        output.emit_json([item.to_dict() for item in found])
    else:
        print_versions(found, call.format)
