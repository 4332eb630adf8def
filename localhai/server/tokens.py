"""Who asks: `Authorization: Token ...`, users, addresses that are good without one, and the secrets of this server."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from localhai.records.users import User
from localhai.server.errors import Refused, said
from localhai.server.state import Shared, State
from localhai.system import private

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "Authorization"
HOURS = 12 * 3600  # seconds: Airflow keeps addresses between tasks
DAY = 24 * 3600  # for a step, which may ask for its inputs late
MINUTE = 60  # for a browser, which opens it at once
_LONGEST = 12  # digits of a time


def kept_secret(folder: Path, name: str) -> tuple[str, bool]:
    """The secret in `folder/name`, and whether it was made just now. The file is readable by its owner alone."""
    found, made = private.kept(folder / name, f"{secrets.token_hex(20)}\n".encode)
    return found.decode().strip(), made


def _user(request: Request, state: Shared) -> User:
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


def signed_url(state: State, path: str, base: str, good_for: int = HOURS) -> str:
    """An address of this server that is good without a token, for so many seconds. `base` is its scheme and host."""
    expires = int(state.clock()) + good_for
    return f"{base}{path}?expires={expires}&signature={_signature(state.secret, path, expires)}"


def require_good(state: State, path: str, expires: str, given: str, what: str = "download URL") -> None:
    """Raises Refused (403) unless this server signed the address, and it still holds."""
    until = int(expires) if expires.isascii() and expires.isdigit() and len(expires) < _LONGEST else 0
    right = _signature(state.secret, path, until).encode()
    if until < state.clock() or not hmac.compare_digest(right, given.encode("utf-8", "replace")):
        raise said(403, f"this {what} is not valid, or not any more", "bad_signature")


def _signature(secret: str, path: str, expires: int) -> str:
    return hmac.new(secret.encode(), f"{path} {expires}".encode(), hashlib.sha256).hexdigest()


def token_of(secret: str, execution_id: str) -> str:
    """What lets the container of one execution call for itself, and for nothing else."""
    return hmac.new(secret.encode(), f"execution {execution_id}".encode(), hashlib.sha256).hexdigest()
