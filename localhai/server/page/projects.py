"""Projects, and the table of one: its executions in columns (page.md 3)."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from localhai.app.table import table_of
from localhai.records.overview import ProjectCount
from localhai.records.users import User
from localhai.server.page.answers import Answer, router
from localhai.server.page.visitors import Visiting, is_first, project_of
from localhai.server.state import Shared, State

routes = router()
_NONE = ProjectCount(0, 0, None)


@routes.get("/projects/")
def projects(visitor: Visiting, state: Shared) -> Response:
    """Those that one may see, with how much they have."""
    return Answer(listed(state, visitor.user))


@routes.get("/table/")
def table(visitor: Visiting, state: Shared, project: str | None = None, since: str | None = None) -> Response:
    """All executions of a project, or what changed of them since a revision."""
    found = project_of(state, visitor, project)
    return Answer(table_of(state.home, found.id).answer(since))


def listed(state: State, user: User) -> list[dict[str, Any]]:
    """The project with the newest execution first."""
    counts, own = state.records.overview.counts(), is_first(state, user)
    found = [
        {
            "id": project.id,
            "name": project.name,
            "path": project.path if own else None,
            "executions": count.executions,
            "running": count.running,
            "last": count.last,
        }
        for project in state.projects_of(user)
        for count in [counts.get(project.id, _NONE)]
    ]
    return sorted(found, key=lambda item: (item["last"] or "", item["name"]), reverse=True)
