"""The columns of a process that runs something: `owner_host`, `owner_pid` and so on, in every table that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.records.rows import Owner

if TYPE_CHECKING:
    from localhai.records.database import Row

PARTS = Owner.__struct_fields__
COLUMNS = tuple(f"owner_{part}" for part in PARTS)


def columns(owner: Owner | None) -> dict[str, Any]:
    """By name, to write."""
    return {f"owner_{part}": None if owner is None else getattr(owner, part) for part in PARTS}


def condition(expected: Owner | None, alias: str = "") -> tuple[str, dict[str, Any]]:
    """`AND ...` by which a change finds nothing that is not this owner's any more; nothing for None, with parameters.

    What was looked at before may be another's by the time of the change: only the change itself can tell.
    """
    if expected is None:
        return "", {}
    same = " ".join(f"AND {alias}{column} = :expected_{column}" for column in COLUMNS)
    return same, {f"expected_{column}": value for column, value in columns(expected).items()}


def take(row: Row) -> Owner | None:
    """The owner of a row; its columns are no longer in the row then."""
    owner = {part: row.pop(f"owner_{part}") for part in PARTS}
    return None if owner["host"] is None else Owner(**owner)
