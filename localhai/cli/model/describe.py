"""`localhai model describe NAME`: a model in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import pass_call, project_option
from localhai.cli.versions import all_versions, made_by, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from localhai.cli.call import Call
    from localhai.executions.open_project import OpenProject
    from localhai.records import Version


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
