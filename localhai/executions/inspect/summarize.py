"""Executions side by side: one row each, one column for each metadata key. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FACTS = ("id", "counter", "project", "step", "status", "duration")


def summarize(executions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`[{id, counter, project, step, status, duration, parameters, metadata}]` of executions."""
    return [
        {
            **{fact: execution[fact] for fact in FACTS},
            "parameters": dict(execution["parameters"]),
            "metadata": dict(execution["metadata"]),
        }
        for execution in executions
    ]


def metadata_keys(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """All keys, in the order in which they first come."""
    return list(dict.fromkeys(key for row in rows for key in row["metadata"]))


def differing_parameters(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Parameters that have several values among these executions: what a comparison of metrics is about."""
    names = dict.fromkeys(name for row in rows for name in row["parameters"])
    return [name for name in names if _has_several_values(rows, name)]


def _has_several_values(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = [row["parameters"][name] for row in rows if name in row["parameters"]]
    return any(value != values[0] for value in values)
