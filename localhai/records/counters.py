"""Counters of a project: each noun counts from 1, without gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localhai.records.database import Transaction


def next_counter(transaction: Transaction, project_id: str, noun: str) -> int:
    """The next number of `noun` in a project. Other transactions wait for this one, or see it undone."""
    key = {"project_id": project_id, "noun": noun}
    transaction.change(
        "INSERT INTO counters (project_id, noun, value) VALUES (:project_id, :noun, 1)"
        " ON CONFLICT (project_id, noun) DO UPDATE SET value = counters.value + 1",
        key,
    )
    found = transaction.rows("SELECT value FROM counters WHERE project_id = :project_id AND noun = :noun", key)
    return int(found[0]["value"])
