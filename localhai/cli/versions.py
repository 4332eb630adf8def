"""Versions of datasets and models, as commands find and print them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.cli import formats, output
from localhai.cli.listing import print_facts, print_heading
from localhai.cli.table import Column, print_table
from localhai.errors import UsageError
from localhai.vocabulary import datum_uri, version_uri, without_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.app.open_project import OpenProject
    from localhai.records.versions import Noun, Version, VersionParent


def print_parents(parents: Sequence[VersionParent], noun: Noun, form: str) -> None:
    """The list of all datasets or models of a project."""
    if form == "json":
        output.emit_json([item.to_dict() for item in parents])
    elif not parents and form == "human":
        output.say(f"no {noun}s; a step makes one with valohai.{noun}-versions in the metadata of an output")
    else:
        columns = [Column("Name"), Column("Versions", right=True), Column("Latest"), Column("Created"), Column("URL")]
        rows = [
            [
                item.name,
                item.versions,
                item.latest,
                formats.moment(item.created),
                version_uri(noun, item.name, item.latest or ""),
            ]
            for item in parents
        ]
        print_table(columns, rows, form=form)


def all_versions(project: OpenProject, noun: Noun, name: str) -> list[Version]:
    """Newest first. Raises UsageError when the project has no dataset or model of this name."""
    found = project.home.records.versions.list(project.record.id, noun, name)
    if not found:
        known = [item.name for item in project.home.records.versions.parents(project.record.id, noun)]
        listed = f"known: {', '.join(known)}" if known else f"there is no {noun} yet"
        raise UsageError(f"there is no {noun} {name!r}", where=name, hints=[listed])
    return found


def one_version(project: OpenProject, noun: Noun, name: str, reference: str | None) -> Version:
    """By version, alias or `latest`. Raises UsageError with what there is."""
    found = project.home.records.versions.find(project.record.id, noun, name, reference)
    if found is None:
        known = [word for item in all_versions(project, noun, name) for word in (item.name, *item.aliases)]
        raise UsageError(
            f"the {noun} {name} has no version or alias {reference!r}", where=name, hints=[f"known: {', '.join(known)}"]
        )
    return found


def split(text: str, noun: Noun) -> tuple[str, str | None]:
    """NAME or NAME/VERSION, with `dataset://` or `model://` before it or not."""
    name, _, reference = without_scheme(text, noun).partition("/")
    return name, reference or None


def print_versions(versions: Sequence[Version], form: str) -> None:
    """A table of versions, without their files."""
    columns = [Column("#", right=True), Column("Version"), Column("Files", right=True), Column("Size", right=True)]
    columns += [Column("Aliases"), Column("Tags"), Column("Created"), Column("URL")]
    rows: list[list[Any]] = []
    for item in versions:
        total = sum(file.size for file in item.files)
        size = formats.size(total) if form == "human" else total
        cells = [item.counter, item.name, len(item.files), size, ", ".join(item.aliases), ", ".join(item.tags)]
        rows.append([*cells, formats.moment(item.created), item.uri])
    print_table(columns, rows, form=form)


def print_version(project: OpenProject, version: Version, form: str) -> None:
    """One version with its facts and files; in a separated-values format the files alone."""
    document = version.to_dict()
    if form == "json":
        output.emit_json(document)
        return
    if form == "human":
        print_facts(_facts(project, version, document))
        print_heading("Files")
    columns = [Column("Name"), Column("Size", right=True), Column("Datum")]
    rows = [
        [
            file.name if not file.purged else f"{file.name} (deleted)",
            formats.size(file.size) if form == "human" else file.size,
            datum_uri(file.id),
        ]
        for file in version.files
    ]
    print_table(columns, rows, form=form)


def describe_version(project: OpenProject, version: Version) -> None:
    """One version in Markdown."""
    facts = _facts(project, version, version.to_dict())
    note = facts.pop("Release note")
    output.emit(f"# {version.noun.capitalize()}: {version.parent}, {version.name}\n\n## Metadata\n")
    for name, value in facts.items():
        if value:
            output.emit(f"- **{name}:** {value}")
    if note:
        output.emit(f"\n## Release note\n\n{note}")
    output.emit("\n## Files\n\n| Name | Size | Datum |\n|------|------|-------|")
    for file in version.files:
        name = file.name.replace("|", "\\|")
        output.emit(f"| {name} | {formats.size(file.size)} | {datum_uri(file.id)} |")


def made_by(project: OpenProject, execution_id: str | None) -> str | None:
    """`#5 train`, or that it was deleted."""
    if execution_id is None:
        return None
    found = project.home.records.executions.by_id([execution_id]).get(execution_id)
    return f"#{found.counter} {found.step}" if found else f"a deleted execution ({execution_id})"


def _facts(project: OpenProject, version: Version, document: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        version.noun.capitalize(): version.parent,
        "Version": f"{version.name} (#{version.counter})",
        "URL": version.uri,
        "From": document.get("from"),
        "Aliases": ", ".join(version.aliases),
        "Tags": ", ".join(version.tags),
        "Status": version.status if version.noun == "model" else None,
        "Release note": version.release_note,
        "Made by": made_by(project, version.execution_id),
        "Created": formats.moment(version.created),
        "Id": version.id,
    }
