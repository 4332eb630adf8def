"""Login and users (wire.md 3.1)."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from localhai.server.bodies import Body, text
from localhai.server.errors import said
from localhai.server.shapes import user as shapes
from localhai.server.state import State, state_of
from localhai.server.tokens import Asking
from localhai.version import __version__

router = APIRouter(tags=["users"])


@router.post("/get-token/")
def get_token(body: Body, state: Annotated[State, Depends(state_of)]) -> dict[str, str]:
    """A user's token for their name and password; here the token itself is the password."""
    name, password = text(body, "username"), text(body, "password")
    user = state.records.users.of_token(password)
    if user is None or not hmac.compare_digest(user.name.encode(), name.encode("utf-8", "replace")):
        message = "Unable to log in with provided credentials: the password is the token that `localhai serve` printed"
        raise said(400, message, "invalid_credentials")
    return {"token": password}


@router.get("/users/me/")
def me(asking: Asking) -> dict[str, Any]:
    """Who asks."""
    return shapes.user(asking)


@router.get("/users/")
def users(asking: Asking) -> dict[str, Any]:
    """Whom one may see: oneself."""
    return {"count": 1, "next": None, "previous": None, "results": [shapes.user(asking)]}


@router.get("/organizations/")
def organizations(_asking: Asking) -> dict[str, Any]:
    """There are none."""
    return {"count": 0, "next": None, "previous": None, "results": []}


@router.get("/server/")
def server(_asking: Asking) -> dict[str, str]:
    """What this is. The flavour is the platform's, since clients hide half of their pages from any other."""
    return {"flavor": "valohai", "version": f"localhai {__version__}"}
