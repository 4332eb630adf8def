"""Stores, of which there is one here, and data that are somewhere already, made data of a project (wire.md 4)."""

from __future__ import annotations

import posixpath
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from fastapi import APIRouter
from msgspec import Meta, Struct

from localhai.data.files import InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.data.progress import waits_said
from localhai.data.uri import parse
from localhai.errors import InputNotFound
from localhai.executions.reading import reach_of
from localhai.executions.uploads import upload
from localhai.records import DatumRecord, Project
from localhai.records.users import User
from localhai.server.auth import require_own
from localhai.server.bodies import ProjectId, Text, reading
from localhai.server.errors import field, not_found
from localhai.server.pagination import OnePage
from localhai.server.state import Shared, State
from localhai.server.tokens import Asking

router = APIRouter(tags=["data"])
STORE = {
    "id": str(uuid5(NAMESPACE_URL, "localhai:store:local")),
    "name": "This machine",
    "type": "local",
    "allow_read": True,
    "allow_write": True,
    "project": None,
    "owner": None,
}
_SCHEMES = frozenset({"http", "https", "s3", "gs", "azure"})


class AdoptBody(Struct):
    """A file that is somewhere already."""

    url: Annotated[Text, Meta(description="The address of one file")]
    project: ProjectId


@router.get("/stores/")
def stores(_asking: Asking, page: OnePage) -> dict[str, Any]:
    """Where data are kept: here there is one."""
    return page.cut([STORE], dict)


@router.get("/stores/{store_id}/")
def store(_asking: Asking, store_id: str) -> dict[str, Any]:
    """One store."""
    if store_id != STORE["id"]:
        raise not_found()
    return dict(STORE)


@router.post("/stores/{store_id}/adopt/", status_code=201)
def adopt(
    asking: Asking, state: Shared, store_id: str, body: Annotated[AdoptBody, reading(AdoptBody)]
) -> dict[str, Any]:
    """Make a datum of what is at a URL: `url`, `project`. Its bytes are copied."""
    store(asking, store_id)
    row = _adopted(state, asking, state.project_of(asking, body.project), body.url)
    return {"ok": True, "created": {body.url: row.id}}


def _adopted(state: State, user: User, project: Project, url: str) -> DatumRecord:
    """A datum of the one file at a URL, read as an input of a step is. Raises Refused that names `url`."""
    try:
        uri = parse(url)
    except ValueError:
        uri = None
    if uri is None or uri.scheme not in _SCHEMES or "*" in url:
        raise field("url", f"The address of one file is needed: {', '.join(sorted(_SCHEMES))}.")
    require_own(state, user, project, [url], "url")
    home = state.home_of(project)
    reach = reach_of(home, home.settings, project.id, user.id)
    try:
        fetched = fetch_inputs([InputSpec("url", (url,))], **reach, progress=waits_said(home.tell))
    except InputNotFound as error:
        raise field("url", str(error), "does_not_exist") from None
    file = fetched.files[0]
    return upload(home, project, file.path, _name(uri.text) or file.name)


def _name(url: str) -> str:
    return posixpath.basename(urlsplit(url).path.rstrip("/"))
