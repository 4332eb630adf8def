"""Ids in paths, and the URLs that answers hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.errors import UsageError
from localhai.server.errors import not_found

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import Request

    from localhai.records import ExecutionRecord, Project
    from localhai.records.server import User
    from localhai.server.state import State

_LONGEST_COUNTER = 9  # digits


def base(request: Request) -> str:
    """The scheme and host that the client used: vh attaches its token to no other spelling of the host."""
    return str(request.base_url).rstrip("/")


def scoped(state: State, user: User, reference: str) -> tuple[Project, str] | None:
    """`{project}:{counter}` or `{project}:latest` as the project and the rest; None when it is written otherwise."""
    project_id, colon, rest = reference.partition(":")
    if not colon:
        return None
    if rest != "latest" and not (rest.isascii() and rest.isdigit() and len(rest) <= _LONGEST_COUNTER):
        raise not_found()
    return state.project_of(user, project_id), rest


def files_of(state: State, row: ExecutionRecord) -> Path | None:
    """Where log and metadata of an execution are, None when there are none yet. Raises FilesNotHere."""
    from localhai.executions.execution import Execution as Found

    found = Found(state.home, row)
    found.require_folder()
    return found.folder if row.folder else None


def execution_of(state: State, user: User, reference: str) -> ExecutionRecord:
    """By id, `{project}:{counter}` or `{project}:latest`, if its project is the user's. Raises Refused with 404."""
    records, found = state.home.records, scoped(state, user, reference)
    try:
        if found is None:
            row = records.executions.get(reference.lower())
            state.project_of(user, row.project_id)
            return row
        project, rest = found
        return records.executions.find("latest" if rest == "latest" else f"#{rest}", project.id)
    except UsageError:
        raise not_found() from None
