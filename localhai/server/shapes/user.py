"""Users (wire.md 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localhai.records.server import User


def user(row: User) -> dict[str, Any]:
    """`{id, username, email, first_name, last_name}`; here nobody has more than a name."""
    return {"id": row.id, "username": row.name, "email": "", "first_name": "", "last_name": ""}


def brief(row: User) -> dict[str, Any]:
    """`{id, username}`, as other objects hold it."""
    return {"id": row.id, "username": row.name}
