"""Who asks for the page, and what they may see of it: their own projects and nothing else (page.md 1.4, 2)."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import Depends, Request
from msgspec import Struct

from localhai.errors import UsageError
from localhai.records import DatumRecord, ExecutionRecord, Project
from localhai.records.access import CountedRecords
from localhai.records.sessions import Session
from localhai.records.tasks import TaskRecord
from localhai.records.users import User
from localhai.server.errors import Refused
from localhai.server.page.answers import Told
from localhai.server.state import Shared, State
from localhai.system.text import cut

LONGEST = 200  # characters of a reference: an id has 36
_ASK = ("run `localhai page` on that machine: it opens the page anew",)


class Visitor(Struct, frozen=True):
    """A user, by a session of the page or, where that is None, by a token of the API."""

    user: User
    session: Session | None


def _visitor(request: Request, state: Shared) -> Visitor:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    found = visitor_of(state, token.strip()) if scheme.lower() == "token" else None
    if found is None:
        raise Told(401, "There is no session, or it is over.", _ASK)
    return found


def visitor_of(state: State, token: str) -> Visitor | None:
    """By the token of a session or of the API."""
    if not token:
        return None
    session = state.records.sessions.of_token(token)
    user = state.records.users.of_id(session.user_id) if session else state.records.users.of_token(token)
    return None if user is None else Visitor(user, session)


Visiting = Annotated[Visitor, Depends(_visitor)]
Item = TypeVar("Item", ExecutionRecord, TaskRecord)


def is_first(state: State, user: User) -> bool:
    """Whether it is the user who made the home: to the others it is nobody's business where things lie."""
    users = state.records.users.list()
    return bool(users) and users[0].id == user.id


def project_of(state: State, visitor: Visitor, project_id: str | None) -> Project:
    """By id. Raises Told: 404 for one that is not there, or another user's."""
    for project in state.projects_of(visitor.user, project_id) if project_id else ():
        return project
    raise Told(404, f"There is no project {shown(project_id)} here.")


def execution_of(state: State, visitor: Visitor, reference: str, project_id: str | None = None) -> ExecutionRecord:
    """By id, or by counter in a project. Raises Told: 404 for one that is not there, or another user's."""
    missing = Told(404, f"There is no execution {shown(reference)} here: it was deleted, or never was.")
    return _found(state, visitor, state.records.executions, reference, project_id, missing)


def task_of(state: State, visitor: Visitor, reference: str, project_id: str | None = None) -> TaskRecord:
    """As `execution_of`."""
    missing = Told(404, f"There is no task {shown(reference)} here.")
    return _found(state, visitor, state.records.tasks, reference, project_id, missing)


def _found(
    state: State, visitor: Visitor, among: CountedRecords[Item], reference: str, project_id: str | None, missing: Told
) -> Item:
    if not may_be(reference):
        raise missing
    try:
        if reference.isascii() and reference.isdigit():
            return among.find(f"#{reference}", project_of(state, visitor, project_id).id)
        found = among.get(reference.lower())
        state.project_of(visitor.user, found.project_id)
    except (UsageError, Refused):
        raise missing from None
    return found


def datum_of(state: State, visitor: Visitor, datum_id: str) -> DatumRecord:
    """By id. Raises Told: 404 for one that is not there, or another user's."""
    missing = Told(404, f"There is no file {shown(datum_id)} here.")
    if not may_be(datum_id):
        raise missing
    try:
        found = state.home.records.data.get(datum_id.lower())
        state.project_of(visitor.user, str(found.project_id))
    except (UsageError, Refused):
        raise missing from None
    return found


def may_be(reference: str) -> bool:
    """Whether records can be asked for it: not every database takes a NUL."""
    return len(reference) <= LONGEST and "\0" not in reference


def shown(reference: str | None) -> str:
    """What was asked for, in a sentence."""
    return cut(reference or "(none is named)", LONGEST)
