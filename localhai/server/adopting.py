"""Data that are somewhere already, made data of a project (wire.md 4)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from localhai.data.files import InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.data.progress import waits_said
from localhai.data.uri import parse
from localhai.errors import InputNotFound
from localhai.executions.reading import Reading
from localhai.executions.uploads import upload
from localhai.server.auth import require_own
from localhai.server.errors import field

if TYPE_CHECKING:
    from localhai.records import DatumRecord, Project
    from localhai.records.server import User
    from localhai.server.state import State

_SCHEMES = frozenset({"http", "https", "s3", "gs", "azure"})


def adopt(state: State, user: User, project: Project, url: str) -> DatumRecord:
    """A datum of the one file at a URL, read as an input of a step is. Raises Refused that names `url`."""
    try:
        uri = parse(url)
    except ValueError:
        uri = None
    if uri is None or uri.scheme not in _SCHEMES or "*" in url:
        raise field("url", f"The address of one file is needed: {', '.join(sorted(_SCHEMES))}.")
    require_own(state, user, project, [url], "url")
    home = state.home_of(project)
    reading = Reading.of(home, home.settings, project.id, user.id)
    try:
        fetched = fetch_inputs([InputSpec("url", (url,))], **reading.arguments, progress=waits_said(home.tell))
    except InputNotFound as error:
        raise field("url", str(error), "does_not_exist") from None
    file = fetched.files[0]
    return upload(home, project, file.path, _name(uri.text) or file.name)


def _name(url: str) -> str:
    return posixpath.basename(urlsplit(url).path.rstrip("/"))
