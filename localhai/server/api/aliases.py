"""Names of data (wire.md 2.7, 3.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from msgspec import Meta, Struct

from localhai.records.aliases import Alias
from localhai.server.addresses import Base
from localhai.server.api.data import datum_of, shown_datum
from localhai.server.bodies import Name, ProjectId, Text, reading
from localhai.server.errors import Refused, field, not_found
from localhai.server.pagination import ByName
from localhai.server.state import Shared, State
from localhai.server.tokens import Asking
from localhai.vocabulary import without_scheme

router = APIRouter(tags=["data"])
_ORDERS: dict[str, Callable[[Any], Any]] = {
    "name": lambda row: row.name,
    "ctime": lambda row: row.created,
    "mtime": lambda row: row.updated,
}


class AliasBody(Struct):
    """A name for a datum in its project."""

    project: ProjectId
    name: Name
    datum: Annotated[Text, Meta(description="Its id, or `datum://` and its id")]


@router.get("/datum-aliases/")
def aliases(
    asking: Asking,
    state: Shared,
    listed: ByName,
    base: Base,
    name: str | None = None,
) -> dict[str, Any]:
    """Aliases of one project or of all."""
    projects = [state.project_of(asking, listed.project)] if listed.project else state.projects_of(asking)
    rows = [row for item in projects for row in state.home.records.aliases.list(item.id) if name in {None, row.name}]
    return listed.cut(rows, _ORDERS, lambda row: _alias(state, row, base))


@router.post("/datum-aliases/", status_code=201)
def set_alias(
    asking: Asking, state: Shared, body: Annotated[AliasBody, reading(AliasBody)], base: Base
) -> dict[str, Any]:
    """Give a datum a name in its project; a name that was another's moves."""
    project = state.project_of(asking, body.project)
    try:
        row = datum_of(state, asking, without_scheme(body.datum))
    except Refused:
        row = None
    if row is None or row.project_id != project.id:
        raise field("datum", f"Object with id={body.datum} does not exist.", "does_not_exist")
    return _alias(state, state.home.records.aliases.point(project.id, body.name, row.id), base)


@router.delete("/datum-aliases/{alias_id}/")
def delete_alias(asking: Asking, state: Shared, alias_id: str) -> dict[str, bool]:
    """Forget an alias; the datum stays."""
    project_id, _colon, name = alias_id.partition(":")
    if not state.home.records.aliases.delete(state.project_of(asking, project_id).id, name):
        raise not_found()
    return {"ok": True}


@router.get("/datum-aliases/resolve/")
def resolve(asking: Asking, state: Shared, base: Base, name: str, project: str) -> dict[str, Any]:
    """The datum that an alias names."""
    found = state.home.records.aliases.get(state.project_of(asking, project).id, name)
    if found is None:
        raise not_found()
    return {"datum": shown_datum(state, state.home.records.data.get(found.datum_id), base)}


def _alias(state: State, row: Alias, base: str) -> dict[str, Any]:
    """An alias with the datum that it names."""
    return {
        "id": f"{row.project_id}:{row.name}",
        "name": row.name,
        "datum": shown_datum(state, state.home.records.data.get(row.datum_id), base),
        "project": {"id": row.project_id},
        "ctime": row.created,
        "mtime": row.updated,
    }
