"""Parameters against final metadata: the table of a task, one row for each execution. Pure."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from localhai.tasks import rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from localhai.tasks.plan import Target

FACTS = ("number", "id", "counter", "status", "duration")


def row(number: int, execution: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """`{number, id, counter, status, duration, parameters, metadata}` from an execution's JSON shape (docs/json.md).

    `parameters` are those among `names`, the ones that vary.
    """
    given = execution["parameters"]
    return {
        "number": number,
        **{fact: execution[fact] for fact in FACTS[1:]},
        "parameters": {name: given[name] for name in names if name in given},
        "metadata": dict(execution["metadata"]),
    }


def metadata_keys(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """All keys of metadata, in the order in which they first come."""
    return list(dict.fromkeys(key for entry in rows for key in entry["metadata"]))


def best_first(rows: Sequence[dict[str, Any]], target: Target) -> list[dict[str, Any]]:
    """Nearest to the target's value first; of a target without one, the smallest metric first.

    Rows without the metric come last, in their order.
    """
    if target.value is None:
        with suppress(KeyError):  # none has it
            return by_column(rows, target.metric)
        return list(rows)

    def far(entry: Mapping[str, Any]) -> float:
        found = rules.distance(entry["metadata"], target)
        return math.inf if found is None else found

    return sorted(rows, key=far)


def by_column(rows: Sequence[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """Sorted by a fact, a parameter or a metadata key; `-column` is largest first. Numbers come before texts.

    Rows without a value come last. Raises KeyError, with the columns there are, for a name that no row has.
    """
    name, falling = (column[1:], True) if column.startswith("-") else (column, False)
    if rows and not any(_has(entry, name) for entry in rows):
        names = dict.fromkeys(key for entry in rows for key in entry["parameters"])
        raise KeyError(", ".join(["counter", "status", "duration", *names, *metadata_keys(rows)]))
    having = [entry for entry in rows if _has(entry, name)]
    having.sort(key=lambda entry: _order(_cell(entry, name)), reverse=falling)
    return having + [entry for entry in rows if not _has(entry, name)]


def _cell(entry: Mapping[str, Any], name: str) -> Any:
    """Metadata beat parameters of the same name: they are what a person compares."""
    for values in (entry["metadata"], entry["parameters"]):
        if name in values:
            return values[name]
    return entry[name] if name in FACTS else None


def _has(entry: Mapping[str, Any], name: str) -> bool:
    return _cell(entry, name) is not None


def _order(value: Any) -> tuple[int, float, str]:
    number = rules.number(value)
    return (1, 0.0, str(value)) if number is None else (0, number, "")
