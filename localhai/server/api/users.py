"""Login and users (wire.md 2.1, 3.1)."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter
from msgspec import Struct

from localhai.records.users import User
from localhai.server.bodies import Text, reading
from localhai.server.errors import said
from localhai.server.state import Shared
from localhai.server.tokens import Asking
from localhai.version import __version__

router = APIRouter(tags=["users"])


class LoginBody(Struct):
    """Who one is."""

    username: Text
    password: Text


@router.post("/get-token/")
def get_token(body: Annotated[LoginBody, reading(LoginBody)], state: Shared) -> dict[str, str]:
    """A user's token for their name and password; here the token itself is the password."""
    user = state.records.users.of_token(body.password)
    if user is None or not hmac.compare_digest(user.name.encode(), body.username.encode("utf-8", "replace")):
        message = "Unable to log in with provided credentials: the password is the token that `localhai serve` printed"
        raise said(400, message, "invalid_credentials")
    return {"token": body.password}


@router.get("/users/me/")
def me(asking: Asking) -> dict[str, Any]:
    """Who asks."""
    return _shown(asking)


@router.get("/users/")
def users(asking: Asking) -> dict[str, Any]:
    """Whom one may see: oneself."""
    return {"count": 1, "next": None, "previous": None, "results": [_shown(asking)]}


@router.get("/organizations/")
def organizations(_asking: Asking) -> dict[str, Any]:
    """There are none."""
    return {"count": 0, "next": None, "previous": None, "results": []}


@router.get("/server/")
def server(_asking: Asking) -> dict[str, str]:
    """What this is. The flavour is the platform's, since clients hide half of their pages from any other."""
    return {"flavor": "valohai", "version": f"localhai {__version__}"}


def brief(row: User) -> dict[str, Any]:
    """`{id, username}`, as other objects hold it."""
    return {"id": row.id, "username": row.name}


def _shown(row: User) -> dict[str, Any]:
    """Here nobody has more than a name."""
    return {**brief(row), "email": "", "first_name": "", "last_name": ""}
