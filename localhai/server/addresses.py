"""Ids in paths, and the URLs that answers hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

from fastapi import Depends, Request

from localhai.errors import UsageError
from localhai.server.errors import not_found

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localhai.records import ExecutionRecord
    from localhai.records.users import User
    from localhai.server.state import State

_LONGEST_COUNTER = 9  # digits


class OfProject(Protocol):
    """A row that belongs to a project."""

    @property
    def project_id(self) -> str:
        """Whose it is."""


Row = TypeVar("Row", bound=OfProject)


async def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


# The scheme and host that the client used: vh attaches its token to no other spelling of the host.
Base = Annotated[str, Depends(_base)]


def files_of(state: State, row: ExecutionRecord) -> Path | None:
    """Where log and metadata of an execution are, None when there are none yet. Raises FilesNotHere."""
    from localhai.executions.execution import Execution as Found

    found = Found(state.home, row)
    found.require_folder()
    return found.folder if row.folder else None


def execution_of(state: State, user: User, reference: str) -> ExecutionRecord:
    """By id, `{project}:{counter}` or `{project}:latest`, if its project is the user's. Raises Refused with 404."""
    records = state.home.records
    return referenced(state, user, reference, records.executions.get, records.executions.find)


def referenced(
    state: State, user: User, reference: str, by_id: Callable[[str], Row], find: Callable[[str, str], Row]
) -> Row:
    """A row by id, `{project}:{counter}` or `{project}:latest`, if its project is the user's. Raises Refused with 404.

    `by_id` and `find`, by `latest` or `#counter` in a project, are those of the records.
    """
    project_id, colon, rest = reference.partition(":")
    if colon and rest != "latest" and not (rest.isascii() and rest.isdigit() and len(rest) <= _LONGEST_COUNTER):
        raise not_found()
    try:
        if not colon:
            row = by_id(reference.lower())
            state.project_of(user, row.project_id)
            return row
        return find("latest" if rest == "latest" else f"#{rest}", state.project_of(user, project_id).id)
    except UsageError:
        raise not_found() from None
