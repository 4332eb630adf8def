"""Projects without a folder of their own on this machine: their code comes as ad-hoc packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.records.ids import new_id

if TYPE_CHECKING:
    from localhai.records import Project
    from localhai.records.server import User
    from localhai.server.state import State


def make(state: State, user: User, name: str, description: str = "", *, project_id: str | None = None) -> Project:
    """A new project of the user's. Whether they have one of that name is the caller's to ask."""
    folder = state.home.folder / "projects" / new_id()
    folder.mkdir(parents=True)
    if project_id:
        state.server.put_project(project_id, str(folder), name)
    row = state.home.records.project(folder, name)
    state.server.own(row.id, user.id, description)
    return row
