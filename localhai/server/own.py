"""Whose data a request may read: those of projects that its user may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.server.errors import field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localhai.records.server import User
    from localhai.server.state import State

_DATUM = "datum://"


def require_own(state: State, user: User, uris: Iterable[str], name: str = "inputs") -> None:
    """Raises Refused that names the field, for a datum of somebody else: the same words as for one that is not there.

    Aliases and addresses of datasets and models are looked up in the project itself, so they are its own.
    """
    ids = sorted({uri.removeprefix(_DATUM).lower() for uri in uris if uri.startswith(_DATUM)})
    if not ids:
        return
    known = {project.id for project in state.projects_of(user)}
    for datum in state.home.records.data_by_id(ids).values():
        if datum.project_id not in known:
            raise field(name, f"Object with id={datum.id} does not exist.", "does_not_exist")
