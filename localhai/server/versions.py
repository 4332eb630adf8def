"""Datasets, models and their versions that clients ask for (wire.md 3.10, 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.records.ids import new_id
from localhai.records.version_rows import VersionRequest
from localhai.server.bodies import text
from localhai.server.errors import Refused, field, not_found
from localhai.vocabulary import MODEL_VERSION, without_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.records import Project
    from localhai.records.server import User
    from localhai.records.version_rows import Noun, Version
    from localhai.records.versions import VersionParent
    from localhai.server.state import State

LONGEST_NAME = 200


def parents(state: State, user: User, noun: Noun, project: str | None = None) -> list[tuple[Project, VersionParent]]:
    """The datasets, or models, of one project or of all, by name."""
    projects = [item for item in state.projects_of(user) if project is None or item.id == project.lower()]
    found = [(item, row) for item in projects for row in state.home.records.versions.parents(item.id, noun)]
    return sorted(found, key=lambda pair: (pair[1].name, pair[1].id))


def parent(state: State, user: User, noun: Noun, parent_id: str) -> tuple[Project, VersionParent]:
    """By id, if its project is the user's. Raises Refused with 404."""
    for item, row in parents(state, user, noun):
        if row.id == parent_id.lower():
            return item, row
    raise not_found()


def version(state: State, user: User, noun: Noun, version_id: str) -> tuple[Project, Version]:
    """By id, with its files, if its project is the user's. Raises Refused with 404."""
    found = state.home.records.versions.get(noun, version_id.lower())
    if found is None:
        raise not_found()
    return parent(state, user, noun, found.parent_id)[0], found


def create_parent(state: State, user: User, noun: Noun, body: Mapping[str, Any]) -> tuple[Project, VersionParent]:
    """A new dataset or model. Without `project` it is the user's only one: here each belongs to a project."""
    name = text(dict(body), "name", most=LONGEST_NAME)
    if "/" in name:
        raise field("name", "A name has no slash.")
    wanted, projects = text(dict(body), "project", ""), state.projects_of(user)
    if not wanted and len(projects) != 1:
        raise field("project", f"You have {len(projects)} projects: say which one it is for.", "required")
    project = state.project_of(user, wanted) if wanted else projects[0]
    if any(row.name == name for row in state.home.records.versions.parents(project.id, noun)):
        raise field("name", f"The project has a {noun} named {name} already.", "unique")
    return project, state.home.records.versions.put_parent(project.id, noun, name)


def create_version(state: State, user: User, noun: Noun, body: Mapping[str, Any]) -> Version:
    """A version of data that are there. Raises Refused, UsageError."""
    try:
        project, row = parent(state, user, noun, text(dict(body), noun))
    except Refused as error:
        raise field(noun, f"Object with id={body.get(noun)} does not exist.", "does_not_exist") from error
    name = text(dict(body), "name", "", most=LONGEST_NAME) or None
    if noun == "dataset" and (name is None or "/" in name):
        raise field("name", "This field is required, and has no slash.", "required")
    base = _previous(state, project, row, noun, body)
    request = VersionRequest(
        id=new_id(),
        noun=noun,
        name=row.name,
        version=name,
        files=_files(state, project, body),
        base=None if base is None else (base.parent, base.name),
        exclude=() if base is None else tuple(file.name for file in base.files),  # it says of what, and takes no files
        aliases=tuple(names(body, "aliases")),
        tags=tuple(names(body, "tags")),
        release_note=text(dict(body), "release_note", "") or None,
    )
    return state.home.records.versions.make(project.id, request)


def judge(state: State, found: Version, body: Mapping[str, Any]) -> None:
    """Say what people think of a version of a model."""
    status = text(dict(body), "status")
    if status not in MODEL_VERSION:
        raise field("status", f'"{status}" is not a valid choice.', "invalid_choice")
    state.home.records.versions.set_status(found, status)


def names(body: Mapping[str, Any], name: str) -> list[str]:
    """A field that is a list of words. Raises Refused."""
    found = body.get(name) or []
    if not isinstance(found, list) or not all(
        isinstance(item, str) and 0 < len(item) <= LONGEST_NAME for item in found
    ):
        raise field(name, "Expected a list of names.")
    return found


def _files(state: State, project: Project, body: Mapping[str, Any]) -> tuple[str, ...]:
    given = body.get("files") or []
    if not isinstance(given, list) or not given:
        raise field("files", "A version needs files.", "required")
    found: dict[str, None] = {}
    for item in given:
        wanted = item.get("datum") if isinstance(item, dict) else item
        if not isinstance(wanted, str):
            raise field("files", "Expected a list of {datum: id}.")
        found[_datum(state, project, wanted)] = None
    return tuple(found)


def _datum(state: State, project: Project, wanted: str) -> str:
    try:
        row = state.home.records.data.get(without_scheme(wanted).lower())
    except UsageError:
        row = None
    if row is None or row.project_id != project.id:
        raise field("files", f"Object with id={wanted} does not exist.", "does_not_exist")
    if row.purged:
        raise field("files", f"{row.name} was purged: its bytes are gone.")
    return row.id


def _previous(
    state: State, project: Project, row: VersionParent, noun: Noun, body: Mapping[str, Any]
) -> Version | None:
    wanted = text(dict(body), "previous_version", "").lower()
    if not wanted or noun != "dataset":
        return None
    for found in state.home.records.versions.list(project.id, noun, row.name):
        if found.id == wanted:
            return found
    raise field("previous_version", f"Object with id={wanted} does not exist.", "does_not_exist")
