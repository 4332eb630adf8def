"""Sessions of the page: a code becomes a token, which is asked for and given back (page.md 2)."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any

from fastapi import Request
from msgspec import Struct
from starlette.responses import Response

from localhai.app.session import exchange
from localhai.errors import SurroundingsError
from localhai.records.times import text
from localhai.records.users import User
from localhai.server.bodies import Name, reading
from localhai.server.page.answers import Answer, Told, router
from localhai.server.page.bundle import Bundle
from localhai.server.page.visitors import Visiting, is_first
from localhai.server.state import Shared
from localhai.version import __version__

routes = router()
_STARTED = text(datetime.now(timezone.utc))
_ANEW = ("run `localhai page`: it opens the page with a new one",)


class CodeBody(Struct):
    """What `localhai page` and `localhai serve` say."""

    code: Name


@routes.post("/session/")
def begin(state: Shared, body: Annotated[CodeBody, reading(CodeBody)]) -> Response:
    """A token for a code."""
    found = exchange(state.home, body.code)
    user = None if found is None else state.records.users.of_id(found[0].user_id)
    if found is None or user is None:
        raise Told(401, "This code was used already, is too old, or never was one.", _ANEW)
    session, token = found
    return Answer({"token": token, "user": shown(user), "expires": session.expires})


@routes.get("/session/")
def session(visitor: Visiting, state: Shared, request: Request) -> Response:
    """Whose it is, and what answers."""
    home = str(state.home.folder) if is_first(state, visitor.user) else None
    expires = visitor.session.expires if visitor.session else None
    return Answer({"user": shown(visitor.user), "expires": expires, "server": {**server(request), "home": home}})


@routes.delete("/session/")
def end(visitor: Visiting, state: Shared) -> Response:
    """The token is good for nothing any more. One of the API stays as it is."""
    if visitor.session is not None:
        state.records.sessions.revoke(visitor.session.id)
    return Response(status_code=204)


def server(request: Request) -> dict[str, Any]:
    """`version`, `bundle` and `started`: the page loads itself anew when one of the first two changes."""
    return {"version": __version__, "bundle": _bundle(request), "started": _STARTED}


def shown(user: User) -> dict[str, str]:
    """`{id, username}`."""
    return {"id": user.id, "username": user.name}


def _bundle(request: Request) -> str | None:
    """The name of the script that the shell loads, which changes with every build; None where none is built."""
    found = getattr(request.app.state, "bundle", None) or Bundle()
    try:
        return str(found.manifest.entry)
    except SurroundingsError:
        return None
