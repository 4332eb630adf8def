"""Who asks: `Authorization: Token ...`, users, and the secrets of this server, kept with mode 0600 in the home."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from localhai.records.server import User
from localhai.server.errors import Refused
from localhai.server.state import State, state_of
from localhai.system import private

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "Authorization"


def kept_secret(folder: Path, name: str) -> tuple[str, bool]:
    """The secret in `folder/name`, and whether it was made just now. The file is readable by its owner alone."""
    found, made = private.kept(folder / name, f"{secrets.token_hex(20)}\n".encode)
    return found.decode().strip(), made


def _user(request: Request, state: Annotated[State, Depends(state_of)]) -> User:
    scheme, _, token = request.headers.get(_NAME, "").partition(" ")
    challenge = {"WWW-Authenticate": "Token"}
    if scheme.lower() != "token" or not token.strip():
        message = "Authentication credentials were not provided."
        raise Refused(401, {"message": message, "code": "not_authenticated"}, challenge)
    user = state.records.users.of_token(token.strip())
    if user is None:
        raise Refused(401, {"message": "Invalid token.", "code": "authentication_failed"}, challenge)
    return user


Asking = Annotated[User, Depends(_user)]


def token_of(secret: str, execution_id: str) -> str:
    """What lets the container of one execution call for itself, and for nothing else."""
    return hmac.new(secret.encode(), f"execution {execution_id}".encode(), hashlib.sha256).hexdigest()
