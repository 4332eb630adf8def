"""Addresses of bytes, for somebody without a token: signed, and good for some hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.server.tokens import signature, signed

if TYPE_CHECKING:
    from localhai.server.state import State

GOOD_FOR = 12 * 3600  # seconds: Airflow keeps addresses between tasks
_LONGEST = 12  # digits of a time


def download(state: State, datum_id: str, base: str) -> str:
    """The address of a datum's bytes. `base` is the scheme and host that the client used."""
    return signed_url(state, content_path(datum_id), base)


def signed_url(state: State, path: str, base: str) -> str:
    """An address of this server that is good without a token, for some hours."""
    expires = int(state.clock()) + GOOD_FOR
    return f"{base}{path}?expires={expires}&signature={signature(state.secret, path, expires)}"


def is_good(state: State, path: str, expires: str, given: str) -> bool:
    """Whether this server signed the address, and it still holds."""
    until = int(expires) if expires.isascii() and expires.isdigit() and len(expires) < _LONGEST else 0
    return until >= state.clock() and signed(state.secret, path, until, given)


def content_path(datum_id: str) -> str:
    """Where a datum's bytes are served."""
    return f"/api/v0/data/{datum_id}/content/"
