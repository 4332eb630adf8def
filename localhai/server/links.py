"""Addresses of this server that are good without a token: signed, and for some time only."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from localhai.server.errors import said

if TYPE_CHECKING:
    from localhai.server.state import State

HOURS = 12 * 3600  # seconds: Airflow keeps addresses between tasks
DAY = 24 * 3600  # for a step, which may ask for its inputs late
MINUTE = 60  # for a browser, which opens it at once
_LONGEST = 12  # digits of a time


def download(state: State, datum_id: str, base: str) -> str:
    """The address of a datum's bytes. `base` is the scheme and host that the client used."""
    return signed_url(state, content_path(datum_id), base)


def signed_url(state: State, path: str, base: str, good_for: int = HOURS) -> str:
    """An address of this server that is good without a token, for so many seconds."""
    expires = int(state.clock()) + good_for
    return f"{base}{path}?expires={expires}&signature={_signature(state.secret, path, expires)}"


def require_good(state: State, path: str, expires: str, given: str, what: str = "download URL") -> None:
    """Raises Refused (403) unless this server signed the address, and it still holds."""
    until = int(expires) if expires.isascii() and expires.isdigit() and len(expires) < _LONGEST else 0
    right = _signature(state.secret, path, until).encode()
    if until < state.clock() or not hmac.compare_digest(right, given.encode("utf-8", "replace")):
        raise said(403, f"this {what} is not valid, or not any more", "bad_signature")


def content_path(datum_id: str) -> str:
    """Where a datum's bytes are served."""
    return f"/api/v0/data/{datum_id}/content/"


def _signature(secret: str, path: str, expires: int) -> str:
    """By the secret of this server; `expires` is seconds since 1970."""
    return hmac.new(secret.encode(), f"{path} {expires}".encode(), hashlib.sha256).hexdigest()
