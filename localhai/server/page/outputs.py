"""The bytes of outputs, for previews and downloads: hostile input, shown by nobody as a page of ours (page.md 4.6)."""

from __future__ import annotations

import os

from fastapi import Request
from starlette.responses import Response

from localhai.records import DatumRecord
from localhai.server.addresses import Base
from localhai.server.api.data import attachment, bytes_of, content_path
from localhai.server.page.answers import Answer, Told, router
from localhai.server.page.visitors import Visiting, datum_of
from localhai.server.state import Shared
from localhai.server.tokens import MINUTE, signed_url

routes = router()
SANDBOX = "sandbox; default-src 'none'"
_IMAGES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "svg": "image/svg+xml",  # a browser runs nothing of it in <img>, and nothing anywhere under the sandbox
}
_KINDS = {
    **dict.fromkeys(_IMAGES, "image"),
    **dict.fromkeys(("csv", "tsv"), "csv"),
    **dict.fromkeys(("json", "jsonl", "ipynb"), "json"),
    **dict.fromkeys(("md", "markdown"), "markdown"),
    **dict.fromkeys(("html", "htm", "xhtml"), "html"),
    **dict.fromkeys(("txt", "log", "out", "err", "rst", "yaml", "yml", "toml", "ini", "cfg", "conf"), "text"),
    **dict.fromkeys(("py", "sh", "r", "sql", "xml", "tex", "diff", "patch", "js", "ts", "css"), "text"),
}
_TEXT = "text/plain; charset=utf-8"
_OTHER = "application/octet-stream"


@routes.get("/outputs/{datum_id}/")
def content(visitor: Visiting, state: Shared, datum_id: str, request: Request, download: str = "") -> Response:
    """The bytes, whole or in ranges."""
    row = datum_of(state, visitor, datum_id)
    require_bytes(row)
    disposition = attachment(row.name, "attachment" if download in {"1", "true"} else "inline")
    answer = bytes_of(state, row, request.headers.get("range", ""), disposition, media_type(row.name))
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer


@routes.get("/outputs/{datum_id}/link/")
def link(visitor: Visiting, state: Shared, datum_id: str, base: Base) -> Response:
    """An address for a download that the browser makes itself."""
    row = datum_of(state, visitor, datum_id)
    require_bytes(row)
    return Answer({"url": signed_url(state, content_path(row.id), base, MINUTE)})


def kind_of(name: str) -> str:
    """How an output is shown, by the end of its name: image, csv, json, markdown, text, html or other."""
    return _KINDS.get(_suffix(name), "other")


def media_type(name: str) -> str:
    """What the answer says it is: only pictures are named as what they are."""
    image = _IMAGES.get(_suffix(name))
    return image or (_OTHER if kind_of(name) == "other" else _TEXT)


def require_bytes(row: DatumRecord) -> None:
    """Raises Told: 410 where they are gone."""
    if row.purged:
        raise Told(410, f"{row.name} was purged: its bytes are gone.", ("its name, size and checksums stay known",))
    if row.path is not None and not os.path.isfile(row.path):
        raise Told(410, f"The file of {row.name} is not in the store any more: somebody removed it.")


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""
