"""Datasets, models and their versions: found, and made as clients ask for it (wire.md 3.10, 4)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct

from localhai.errors import UsageError
from localhai.records import Project
from localhai.records.ids import new_id
from localhai.records.users import User
from localhai.records.versions import Noun, Version, VersionParent, VersionRequest
from localhai.server.bodies import LONGEST_TEXT, Name, Names, ProjectId, Reads, Text, as_it_is, shaped, text
from localhai.server.errors import Refused, field, not_found
from localhai.server.state import State
from localhai.vocabulary import MODEL_VERSION, without_scheme


class VersionFileBody(Struct):
    """A file of a version: the id of a datum."""

    datum: str


def _data(name: str, value: Any) -> list[str]:
    """The data that are named, as they are named."""
    if not isinstance(value, list) or not value:
        raise field(name, "A version needs files.", "required")
    found = [item.get("datum") if isinstance(item, dict) else item for item in value]
    named = [item for item in found if isinstance(item, str)]
    if len(named) < len(found):
        raise field(name, "Expected a list of {datum: id}.")
    return named


def _parent(name: str, value: Any) -> str:
    """The id of a dataset or model; what can be none is not there."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or "\0" in value:
        raise _no_parent(name, value)
    return value


def _no_parent(noun: str, wanted: Any) -> Refused:
    return field(noun, f"Object with id={wanted} does not exist.", "does_not_exist")


_Parent = Annotated[str, Meta(extra_json_schema={"format": "uuid"}), Reads(_parent)]


class DatasetBody(Struct, kw_only=True):
    """A dataset that is to be made."""

    name: Name
    owner: Annotated[Any, Meta(description="Means nothing here"), shaped(str), Reads(as_it_is)] = None
    project: Annotated[ProjectId, Meta(description="Needed by who has several")] = ""


class ModelBody(Struct, kw_only=True):
    """A model that is to be made."""

    name: Name
    tags: Annotated[Any, Meta(description="Those of its versions count"), shaped(list[str]), Reads(as_it_is)] = None
    project: Annotated[ProjectId, Meta(description="Needed by who has several")] = ""


class VersionBody(Struct, kw_only=True):
    """A version of data that are there."""

    name: Name = ""
    previous_version: Annotated[Text, Meta(description="The id of the one that a dataset's is made from")] = ""
    files: Annotated[Any, shaped(list[VersionFileBody]), Reads(_data)] = ()
    aliases: Names = []
    tags: Names = []
    release_note: Text = ""


class DatasetVersionBody(VersionBody, kw_only=True):
    """A version of a dataset, which has a name."""

    dataset: _Parent


class ModelVersionBody(VersionBody, kw_only=True):
    """A version of a model."""

    model: _Parent


def _status(name: str, value: Any) -> Any:
    status = text(name, value)
    if status is not UNSET and status not in MODEL_VERSION:
        raise field(name, f'"{status}" is not a valid choice.', "invalid_choice")
    return status


class JudgementBody(Struct):
    """What people think of a version of a model."""

    status: Annotated[str, Meta(extra_json_schema={"enum": sorted(MODEL_VERSION)}), Reads(_status)]


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


def create_parent(state: State, user: User, noun: Noun, body: DatasetBody | ModelBody) -> tuple[Project, VersionParent]:
    """A new dataset or model. Without `project` it is the user's only one: here each belongs to a project."""
    if "/" in body.name:
        raise field("name", "A name has no slash.")
    projects = state.projects_of(user)
    if not body.project and len(projects) != 1:
        raise field("project", f"You have {len(projects)} projects: say which one it is for.", "required")
    project = state.project_of(user, body.project) if body.project else projects[0]
    if any(row.name == body.name for row in state.home.records.versions.parents(project.id, noun)):
        raise field("name", f"The project has a {noun} named {body.name} already.", "unique")
    return project, state.home.records.versions.put_parent(project.id, noun, body.name)


def create_version(state: State, user: User, noun: Noun, parent_id: str, body: VersionBody) -> Version:
    """A version of data that are there. Raises Refused, UsageError."""
    try:
        project, row = parent(state, user, noun, parent_id)
    except Refused as error:
        raise _no_parent(noun, parent_id) from error
    if noun == "dataset" and (not body.name or "/" in body.name):
        raise field("name", "This field is required, and has no slash.", "required")
    if not body.files:
        raise field("files", "A version needs files.", "required")
    base = _previous(state, project, row, noun, body.previous_version.lower())
    request = VersionRequest(
        id=new_id(),
        noun=noun,
        name=row.name,
        version=body.name or None,
        files=tuple(dict.fromkeys(_datum(state, project, wanted) for wanted in body.files)),
        base=None if base is None else (base.parent, base.name),
        exclude=() if base is None else tuple(file.name for file in base.files),  # it says of what, and takes no files
        aliases=tuple(body.aliases),
        tags=tuple(body.tags),
        release_note=body.release_note or None,
    )
    return state.home.records.versions.make(project.id, request)


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


def _previous(state: State, project: Project, row: VersionParent, noun: Noun, wanted: str) -> Version | None:
    if not wanted or noun != "dataset":
        return None
    for found in state.home.records.versions.list(project.id, noun, row.name):
        if found.id == wanted:
            return found
    raise field("previous_version", f"Object with id={wanted} does not exist.", "does_not_exist")
