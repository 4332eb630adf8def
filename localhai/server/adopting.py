"""Data that are somewhere already, made data of a project (valohai-rest-api.md 4)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from localhai.data.files import InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.errors import InputNotFound
from localhai.executions.uploads import upload
from localhai.server.errors import field

if TYPE_CHECKING:
    from localhai.records import DatumRecord, Project
    from localhai.server.state import State

_SCHEMES = frozenset({"http", "https", "s3", "gs", "azure"})


def adopt(state: State, project: Project, url: str) -> DatumRecord:
    """A datum of the one file at a URL, read as an input of a step is. Raises Refused that names `url`."""
    try:
        scheme, path = urlsplit(url).scheme, urlsplit(url).path
    except ValueError:
        scheme = path = ""
    if scheme not in _SCHEMES or "*" in url:
        raise field("url", f"The address of one file is needed: {', '.join(sorted(_SCHEMES))}.")
    home = state.home_of(project)
    try:
        fetched = fetch_inputs(
            [InputSpec("url", (url,))],
            sources=home.sources_for(home.settings),
            cache=home.data_cache,
            input_map=home.settings.inputs,
        )
    except InputNotFound as error:
        raise field("url", str(error), "does_not_exist") from None
    file = fetched.files[0]
    return upload(home, project, file.path, posixpath.basename(path.rstrip("/")) or file.name)
