"""Addresses that people open in a browser: login links (wire.md E3), every endpoint.

/api/docs is the Swagger UI that comes with localhai. It works without a network.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from localhai.app.session import login_path
from localhai.server.errors import not_found
from localhai.server.state import Shared
from localhai.server.tokens import MINUTE, Asking, require_good, signed_url

api = APIRouter(tags=["users"])
router = APIRouter(include_in_schema=False)

LOGIN = "/auth/login/"
FOLDER = Path(__file__).parents[1] / "swagger_ui"
_KINDS = {
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_DOCS = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>localhai: every endpoint</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</html>
"""


@api.get("/users/login_link/")
def login_link(asking: Asking, state: Shared) -> dict[str, str]:
    """An address for a browser, good for a minute, to which clients append `&next=...`."""
    return {"url": signed_url(state, f"{LOGIN}{asking.id}/", "", MINUTE)}


@router.get(LOGIN + "{user_id}/")
def login(
    user_id: str,
    state: Shared,
    request: Request,
    expires: str = "",
    signature: str = "",
    next: str = "/",  # noqa: A002  # clients name it so
) -> Response:
    """Go on to `next`, a page of this server, with a code that lets the user of the link in (page.md 2.2)."""
    require_good(state, f"{LOGIN}{user_id}/", expires, signature, "login link")
    (user,) = (user for user in state.records.users.list() if user.id == user_id)
    headers = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return RedirectResponse(login_path(state.home, user, _here(next, request)), 302, headers=headers)


@router.get("/api/docs")
@router.get("/api/docs/")
def docs() -> Response:
    """Every endpoint; the page's addresses are absolute paths, so both spellings of its own work."""
    return HTMLResponse(_DOCS, headers=_HEADERS)


@router.get("/api/docs/{name}")
def file(name: str) -> Response:
    """One of the files of that page."""
    kind = _KINDS.get(name)
    if kind is None:
        raise not_found()
    return FileResponse(FOLDER / name, media_type=kind, headers=_HEADERS)


def _here(wanted: str, request: Request) -> str:
    """The path of an address of this server; the first page instead of any other server's."""
    try:
        parts = urlsplit(wanted.replace("\\", "/"))
    except ValueError:
        return "/"
    own = not (parts.scheme or parts.netloc) or (parts.scheme, parts.netloc) == (request.url.scheme, request.url.netloc)
    path = "/" + parts.path.lstrip("/")
    return path if own and path.isprintable() else "/"
