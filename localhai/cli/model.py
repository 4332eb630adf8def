"""`localhai model`: numbered versions of files, with tags and release notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.listing import count_option, print_facts, print_heading
from localhai.cli.options import json_option, pass_call, project_option
from localhai.cli.versions import (
    all_versions,
    describe_version,
    made_by,
    one_version,
    print_parents,
    print_version,
    print_versions,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from localhai.app.open_project import OpenProject
    from localhai.cli.call import Call
    from localhai.records.versions import Version, VersionParent


@click.command("list")
@count_option(100)
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


@click.command("info")
@click.argument("model", metavar="NAME")
@json_option
@project_option
@pass_call
def info(call: Call, *, model: str) -> None:
    """Show a model and its versions.

    `--json` prints `{id, name, created, versions, latest}`, where `versions` are those of `model versions`.
    """
    name = split(model, "model")[0]
    with call.open_project(recover=True) as project:
        found = all_versions(project, "model", name)
        parent = next(
            item for item in project.home.records.versions.parents(project.record.id, "model") if item.name == name
        )
    if call.json:
        output.emit_json({**parent.to_dict(), "versions": [item.to_dict() for item in found]})
        return
    if call.format == "human":
        facts = {"Model": name, "Latest": parent.latest, "Created": formats.moment(parent.created), "Id": parent.id}
        print_facts(facts)
        print_heading("Versions")
    print_versions(found, call.format)


@click.command("versions")
@click.argument("model", metavar="NAME")
@count_option(100)
@click.option(
    "--status",
    "-s",
    "statuses",
    multiple=True,
    type=click.Choice(["pending", "approved", "rejected"], case_sensitive=False),
    help="Only versions of this status.",
)
@click.option("--tag", "-t", "tags", multiple=True, help="Only versions with this tag.")
@json_option
@project_option
@pass_call
def versions(call: Call, *, model: str, count: int, statuses: tuple[str, ...], tags: tuple[str, ...]) -> None:
    """Show the versions of a model, newest first.

    `--json` prints `[{id, model, name, counter, uri, created, execution, aliases, tags, status, release_note,
    files[datum]}]`.
    """
    with call.open_project(recover=True) as project:
        found = all_versions(project, "model", split(model, "model")[0])
    found = [item for item in found if set(tags) <= set(item.tags) and item.status in (statuses or {item.status})]
    found = found[:count]
    if call.json:
        output.emit_json([item.to_dict() for item in found])
    else:
        print_versions(found, call.format)


@click.command("version")
@click.argument("model", metavar="NAME")
@click.argument("reference", metavar="VERSION")
@click.option("--describe", is_flag=True, help="In Markdown, for people and for programs that read it.")
@json_option
@project_option
@pass_call
def version(call: Call, *, model: str, reference: str, describe: bool) -> None:
    """Show one version of a model: its files, tags, release note, and what made it.

    VERSION is its number, its name (`v2`) or `latest`. `--json` prints
    `{id, model, name, counter, uri, created, execution, aliases, tags, status, release_note, files[datum]}`.
    """
    with call.open_project(recover=True) as project:
        found = one_version(project, "model", split(model, "model")[0], reference)
        if describe and not call.json:
            describe_version(project, found)
        else:
            print_version(project, found, call.format)


@click.command("describe")
@click.argument("model", metavar="NAME")
@click.option("--versions/--no-versions", default=True, show_default=True, help="With the table of versions.")
@project_option
@pass_call
def describe(call: Call, *, model: str, versions: bool) -> None:
    """Describe a model in Markdown, for people and for programs that read it."""
    with call.open_project(recover=True) as project:
        found = all_versions(project, "model", split(model, "model")[0])
        for line in [*_head(project, found), *(_table(project, found) if versions else ())]:
            output.emit(line)


def _head(project: OpenProject, found: Sequence[Version]) -> Iterator[str]:
    newest = found[0]
    yield from (f"# Model: {newest.parent}", "", "## Metadata", "")
    yield f"- **ID:** `{newest.parent_id}`"
    yield f"- **Project:** {project.folder.name}"
    yield f"- **Versions:** {len(found)}"
    yield f"- **Latest:** {newest.uri} ({newest.status})"
    yield from (f"- **Created:** {found[-1].created}", f"- **Modified:** {newest.created}")
    if newest.release_note:
        yield from ("", "## Release note", "", newest.release_note)


def _table(project: OpenProject, found: Sequence[Version]) -> Iterator[str]:
    yield from ("", "## Versions", "")
    yield from ("| # | Status | Source | Tags | Files | Created |", "|---|--------|--------|------|-------|---------|")
    for item in found:
        source = made_by(project, item.execution_id) or ""
        files = ", ".join(file.name for file in item.files)
        cells = [str(item.counter), item.status, source, ", ".join(item.tags), files, item.created]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


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
