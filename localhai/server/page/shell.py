"""The shell of the page: the same few lines for every address of it, without any data, and the files that it loads.

What it shows it asks for itself, with a session. The policy lets in nothing that is not of the
bundle: no inline script, no other server, no frame around it; what a preview shows of an execution is in a sandbox.
"""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from localhai.errors import SurroundingsError
from localhai.server.page.bundle import Bundle, Manifest

router = APIRouter(include_in_schema=False)

ASSETS = "/page/assets/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:;"
    " frame-src blob:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'"
)
SAFETY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FRESH = {"Cache-Control": "no-cache"}  # the shell names the files of this very server
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}  # their names change with their content
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ccircle cx='8' cy='8' r='6' fill='%230072b2'/%3E%3C/svg%3E"
)
_SHELL = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>localhai</title>
<link rel="icon" href="{icon}">
{styles}<script type="module" src="{entry}"></script>
</head>
<body>
<div id="app"></div>
<noscript>This page needs JavaScript. Without it: <code>localhai execution list</code>.</noscript>
</body>
</html>
"""
_MISSING = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>localhai</title>
<link rel="icon" href="{icon}">
<h1>{message}</h1>
<p>{hints}. The API answers all the same: <a href="/api/docs">every endpoint</a>.</p>
</html>
"""


@router.get("/")
@router.get("/p/{_rest:path}")
@router.get("/queue")
@router.get("/queue/")
def shell(request: Request, _rest: str = "") -> Response:
    """For every address of the page; how to build it where it is missing (503)."""
    try:
        manifest = _bundle(request).manifest
    except SurroundingsError as error:
        text = _MISSING.format(icon=escape(_ICON), message=escape(error.message), hints=escape("; ".join(error.hints)))
        return HTMLResponse(text, 503, headers={**SAFETY, **_FRESH})
    return HTMLResponse(_written(manifest), headers={**SAFETY, **_FRESH})


@router.get(ASSETS + "{name}")
def asset(name: str, request: Request) -> Response:
    """A file of the bundle, gzipped for whoever takes that. Pages of an older version may ask for one that is gone."""
    found = _bundle(request).asset(name)
    if found is None:
        text = "This page has no such file: it comes from another version of localhai. Load the page anew.\n"
        return PlainTextResponse(text, 404, headers={**SAFETY, **_FRESH})
    headers = {**SAFETY, **_FOREVER, "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return Response(found.raw, media_type=found.kind, headers=headers)
    return Response(found.packed, media_type=found.kind, headers={**headers, "Content-Encoding": "gzip"})


def _bundle(request: Request) -> Bundle:
    """One for each application."""
    found = getattr(request.app.state, "bundle", None)
    if found is None:
        found = request.app.state.bundle = Bundle()
    return found


def _written(manifest: Manifest) -> str:
    styles = "".join(f'<link rel="stylesheet" href="{escape(ASSETS + name)}">\n' for name in manifest.css)
    return _SHELL.format(icon=escape(_ICON), styles=styles, entry=escape(ASSETS + manifest.entry))
