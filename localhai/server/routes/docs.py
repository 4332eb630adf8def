"""/api/docs: every endpoint as a page, by the Swagger UI that comes with localhai. It works without a network."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response

from localhai.server.errors import not_found

router = APIRouter(include_in_schema=False)

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
_PAGE = """\
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


@router.get("/api/docs")
@router.get("/api/docs/")
def page() -> Response:
    """The page; its addresses are absolute paths, so both spellings of its own work."""
    return HTMLResponse(_PAGE, headers=_HEADERS)


@router.get("/api/docs/{name}")
def file(name: str) -> Response:
    """One of its files."""
    kind = _KINDS.get(name)
    if kind is None:
        raise not_found()
    return FileResponse(FOLDER / name, media_type=kind, headers=_HEADERS)
