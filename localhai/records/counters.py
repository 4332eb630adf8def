"""Counters of a project: each noun counts from 1, without gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.records.data_rows import parts
from localhai.records.database import placeholders, statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.records.database import Transaction


DELETED = "deleted execution"  # how many are gone of a project: a list's length is known without counting its rows


def number_of_executions(transaction: Transaction, project_ids: Sequence[str]) -> int:
    """How many executions these projects have, all statuses together."""
    total = 0
    for part in parts(project_ids):
        listed, named = placeholders(part)
        sql = statement(
            "SELECT noun, sum(value) AS number FROM counters WHERE project_id IN",
            listed,
            "AND noun IN ('execution', :deleted) GROUP BY noun",
        )
        for row in transaction.rows(sql, {**named, "deleted": DELETED}):
            total += int(row["number"]) * (-1 if row["noun"] == DELETED else 1)
    return total


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
