"""Projects without a folder of their own on this machine: their code comes as ad-hoc packages."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.executions.delete import delete
from localhai.executions.execution import Execution
from localhai.records.ids import new_id
from localhai.server.errors import said
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from localhai.records import Project
    from localhai.records.users import User
    from localhai.server.state import State


def make(state: State, user: User, name: str, description: str = "", *, project_id: str | None = None) -> Project:
    """A new project of the user's. Whether they have one of that name is the caller's to ask."""
    folder = state.home.folder / "projects" / new_id()
    folder.mkdir(parents=True)
    if project_id:
        state.records.projects.put(project_id, str(folder), name)
    row = state.home.records.projects.of_folder(folder, name)
    state.records.users.own(row.id, user.id, description)
    return row


NOBODY = "(deleted)"  # who owns what is deleted: a user whose token nobody knows
_AT_ONCE = 500


def forget(state: State, project: Project) -> None:
    """Delete a project that was made over the API: its executions, the bytes of its data, its code.

    Its row stays, as nobody's, since records of other things name it. Raises Refused for a project that is a person's
    folder, and for one in which something runs.
    """
    folder, records = Path(project.path), state.home.records
    if not folder.is_relative_to(state.home.folder):
        raise said(400, "this project is a folder of this machine: remove it there", "invalid")
    running = [row for status in INCOMPLETE for row in records.executions.list(project.id, status=status, limit=1)]
    if running:
        message = f"Execution #{running[0].counter} is {running[0].status}; stop it before the project is deleted."
        raise said(400, message, "invalid_state")
    home = state.home_of(project)
    while rows := records.executions.list(project.id, limit=_AT_ONCE):
        for row in rows:
            delete(home, Execution(home, row))
    data = records.data.list(project.id, purged=False, limit=None)
    for datum in data:
        home.store.delete(datum.uri)
    records.data.purge([datum.id for datum in data])
    for variable in state.records.variables.list(project.id):
        state.records.variables.delete(project.id, variable.name)
    shutil.rmtree(state.home.folder / "packages" / project.id, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    nobody = state.records.users.named(NOBODY) or state.records.users.put(NOBODY, secrets.token_hex(32))
    state.records.users.own(project.id, nobody.id)
