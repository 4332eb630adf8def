"""What the addresses in a request may reach: said at once where the address itself says it.

The rule is asked again when an execution resolves its inputs: after interpolation, behind aliases and redirects, and by
whoever goes on with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.data.resolving import stand_in
from localhai.data.uri import Uri, parse
from localhai.executions.reading import access_of
from localhai.server.errors import field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localhai.records import Project
    from localhai.records.users import User
    from localhai.server.state import State


def require_own(state: State, user: User, project: Project, uris: Iterable[str], name: str = "inputs") -> None:
    """Raises Refused that names the field, and the address, for one that no client may follow.

    A datum of somebody else gets the same words as one that is not there. Addresses with a stand-in in the project's
    own localhai.toml are replaced by it, and what is no address at all fails where it is resolved.
    """
    home = state.home_of(project)
    access, base = access_of(home, user.id), home.sources_for(home.settings).base
    asked = [(text, uri) for text in uris if (uri := _parsed(text)) and stand_in(home.settings.inputs, text) is None]
    for text, uri in asked:
        refusal = access.refusal(uri, base)
        if refusal is not None:
            raise field(name, f"{text}: {refusal}.", "not_allowed")
    ids = sorted({uri.key.lower() for _text, uri in asked if uri.scheme == "datum"})
    for datum in state.home.records.data.by_id(ids).values() if ids else ():
        if datum.project_id not in (access.projects or ()):
            raise field(name, f"Object with id={datum.id} does not exist.", "does_not_exist")


def _parsed(text: str) -> Uri | None:
    try:
        return parse(text)
    except ValueError:
        return None
