"""Sessions of the web page: a person at this machine is let in by a code, which becomes a token (page.md 2)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localhai.executions.home import Home
    from localhai.records.sessions import Session
    from localhai.records.users import User

_LOGIN = "#login="  # a fragment reaches no log and no other server


def login_code(home: Home, user: User) -> str:
    """A code that is good once, for ten minutes. Raises RecordsUnavailable."""
    code = secrets.token_urlsafe(24)
    home.records.sessions.open(user.id, code)
    return code


def login_path(home: Home, user: User, page: str = "/") -> str:
    """The path of a page with a code that lets its reader in: `/p/ID/#login=CODE`. Raises RecordsUnavailable."""
    return f"{page}{_LOGIN}{login_code(home, user)}"


def exchange(home: Home, code: str) -> tuple[Session, str] | None:
    """The session that a code opens, and its token. None for a code that is not good."""
    token = secrets.token_urlsafe(32)
    session = home.records.sessions.exchange(code, token)
    return None if session is None else (session, token)


def log_out(home: Home, user: User) -> None:
    """End all sessions of a user, in whichever browser."""
    home.records.sessions.revoke_all(user.id)
