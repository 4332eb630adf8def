"""All that the page asks, in one list (page.md)."""

from __future__ import annotations

from starlette.responses import Response

from localhai.server.page import comparing, executions, log, outputs, projects, rerun, sessions, stream
from localhai.server.page.answers import Told, router

others = router()
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


@others.api_route("/{_rest:path}", methods=_METHODS)
def nothing(_rest: str) -> Response:
    """For every other address below."""
    raise Told(404, "There is no such address.", ("this page may come from another version: load it anew",))


ROUTERS = (
    sessions.routes,
    projects.routes,
    executions.routes,
    rerun.routes,
    log.routes,
    outputs.routes,
    stream.routes,
    comparing.routes,
    others,
)
