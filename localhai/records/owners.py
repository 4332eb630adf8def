"""Processes that run something: `owner_host`, `owner_pid` and so on, columns of every table that has an owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from localhai.records.database import Row


class Owner(Struct, frozen=True):
    """The process that runs an execution. `process_start` and `boot_id` tell it from a later one of the same number."""

    host: str
    pid: int
    process_start: str
    boot_id: str


PARTS = Owner.__struct_fields__
COLUMNS = tuple(f"owner_{part}" for part in PARTS)


def columns(owner: Owner | None) -> dict[str, Any]:
    """By name, to write."""
    return {f"owner_{part}": None if owner is None else getattr(owner, part) for part in PARTS}


def same(expected: Owner | None) -> tuple[str, dict[str, Any]]:
    """The condition that a row has this owner, None for nobody, and its parameters.

    What was looked at before may be another's by the time of the change: only the change itself can tell.
    """
    if expected is None:
        return " AND ".join(f"{column} IS NULL" for column in COLUMNS), {}
    held = " AND ".join(f"{column} = :expected_{column}" for column in COLUMNS)
    return held, {f"expected_{column}": value for column, value in columns(expected).items()}


def condition(expected: Owner | None) -> tuple[str, dict[str, Any]]:
    """`AND ...` by which a change finds nothing that is not this owner's any more, with parameters; None: anybody's."""
    if expected is None:
        return "", {}
    held, parameters = same(expected)
    return f"AND {held}", parameters


def take(row: Row) -> Owner | None:
    """The owner of a row; its columns are no longer in the row then."""
    owner = {part: row.pop(f"owner_{part}") for part in PARTS}
    return None if owner["host"] is None else Owner(**owner)
