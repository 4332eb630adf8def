"""Pages that people open in a browser: login links (wire.md E3), what `urls.display` names, every endpoint.

/api/docs is the Swagger UI that comes with localhai. It works without a network.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

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
def login_link(_asking: Asking, state: Shared) -> dict[str, str]:
    """An address for a browser, good for a minute, to which clients append `&next=...`."""
    return {"url": signed_url(state, LOGIN, "", MINUTE)}


@router.get(LOGIN)
def login(state: Shared, request: Request, expires: str = "", signature: str = "", next: str = "/") -> Response:  # noqa: A002  # clients name it so
    """Go on to `next`, a page of this server: there is nothing that a login would show more of."""
    require_good(state, LOGIN, expires, signature, "login link")
    return RedirectResponse(_here(next, request), 302, headers={"Referrer-Policy": "no-referrer"})


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
