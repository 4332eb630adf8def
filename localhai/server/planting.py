"""A seed, put into the home of a server. Again is fine: what is there stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.errors import ProjectError
from localhai.executions.uploads import upload
from localhai.records.server import Variable
from localhai.server import projects

if TYPE_CHECKING:
    from localhai.records import DatumRecord, Project
    from localhai.records.server import User
    from localhai.server.seed import Seed, SeededDatum, SeededProject
    from localhai.server.state import State


def plant_users(state: State, seed: Seed) -> None:
    """Give every user their token. Raises ProjectError for one that is another's."""
    for item in seed.users:
        other = state.records.users.of_token(item.token)
        if other is not None and other.name != item.name:
            raise ProjectError(f"the seed gives {item.name} the token of {other.name}")
        state.records.users.put(item.name, item.token)


def plant_projects(state: State, seed: Seed) -> list[Project]:
    """Make the projects with what is in them; call `plant_users` first. Raises ProjectError, SurroundingsError."""
    return [_plant(state, item) for item in seed.projects]


def _plant(state: State, item: SeededProject) -> Project:
    user = state.records.users.named(item.owner) if item.owner else state.records.users.list()[0]
    if user is None:
        raise ProjectError(f"the seed gives {item.name} to {item.owner}, whom nobody knows")
    row = _project(state, user, item)
    for variable in item.variables:
        state.records.variables.set(row.id, Variable(variable.name, variable.value, variable.secret))
    for wanted in item.data:
        _datum(state, row, wanted)
    return row


def _project(state: State, user: User, item: SeededProject) -> Project:
    records = state.home.records
    every = records.projects.list()
    known = [row for row in every if (row.path == str(item.folder) if item.folder else row.id == item.id)]
    if not item.folder:
        known = known or [row for row in state.projects_of(user) if row.name == item.name]
    if item.folder and item.id and any(row.id == item.id and row not in known for row in every):
        raise ProjectError(f"the id of the project {item.name} of the seed is another project's")
    if known and item.id and known[0].id != item.id:
        raise ProjectError(f"the project {item.name} of the seed has another id already: {known[0].id}")
    if item.folder:
        if item.id:
            state.records.projects.put(item.id, str(item.folder), item.name)
        row = records.projects.of_folder(item.folder, item.name)
    elif known:
        row = records.projects.of_folder(known[0].path, item.name)
    else:
        row = projects.make(state, user, item.name, item.description, project_id=item.id)
    state.records.users.own(row.id, user.id, item.description)
    return row


def _datum(state: State, project: Project, item: SeededDatum) -> None:
    found = _same(state, project, item)
    if found is None:
        found = upload(state.home_of(project), project, item.file, item.name, tags=item.tags)
    if item.alias:
        state.home.records.aliases.point(project.id, item.alias, found.id)


def _same(state: State, project: Project, item: SeededDatum) -> DatumRecord | None:
    """An upload of that name with those bytes."""
    from localhai.data import checksums

    known = state.home.records.data.list(project.id, name=item.name, purged=False, limit=None)
    known = [row for row in known if row.name == item.name and row.execution_id is None]
    if not known:
        return None
    wanted = checksums.of_file(item.file).sha256
    return next((row for row in known if row.sha256 == wanted), None)
