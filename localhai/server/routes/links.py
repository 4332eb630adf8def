"""Addresses that people open in a browser: login links, and what `urls.display` names (wire.md E3)."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from localhai.server import links
from localhai.server.state import State, state_of
from localhai.server.tokens import Asking

api = APIRouter(tags=["users"])
pages = APIRouter(include_in_schema=False)
Shared = Annotated[State, Depends(state_of)]

LOGIN = "/auth/login/"
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>localhai</title>
<h1>localhai</h1>
<p>This is <code>localhai serve</code>. It answers clients of the platform and has no web page of its own. Look with
<code>vh execution info</code>, <code>vh execution logs</code>, <code>vh execution outputs</code>,
<code>vh pipeline list</code>, or without a server with <code>localhai execution list</code>.</p>
<p><a href="/api/docs">Every endpoint</a></p>
</html>
"""


@api.get("/users/login_link/")
def login_link(_asking: Asking, state: Shared) -> dict[str, str]:
    """An address for a browser, good for a minute, to which clients append `&next=...`."""
    return {"url": links.signed_url(state, LOGIN, "", links.MINUTE)}


@pages.get(LOGIN)
def login(state: Shared, request: Request, expires: str = "", signature: str = "", next: str = "/") -> Response:  # noqa: A002  # clients name it so
    """Go on to `next`, a page of this server: there is nothing that a login would show more of."""
    links.require_good(state, LOGIN, expires, signature, "login link")
    return RedirectResponse(_here(next, request), 302, headers={"Referrer-Policy": "no-referrer"})


@pages.get("/")
@pages.get("/p/{_rest:path}")
def page(_rest: str = "") -> Response:
    """What to do instead of looking here."""
    headers = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(_PAGE, headers=headers)


def _here(wanted: str, request: Request) -> str:
    """The path of an address of this server; the first page instead of any other server's."""
    try:
        parts = urlsplit(wanted.replace("\\", "/"))
    except ValueError:
        return "/"
    own = not (parts.scheme or parts.netloc) or (parts.scheme, parts.netloc) == (request.url.scheme, request.url.netloc)
    path = "/" + parts.path.lstrip("/")
    return path if own and path.isprintable() else "/"
