"""What edges carry, and what of a step they fill (platform.md 7.2). Pure; for those who check and those who run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.project.names import find_by_option
from localhai.system.names import matches

if TYPE_CHECKING:
    from collections.abc import Iterable

Item = tuple[str, str]  # kind of an edge's target (`input`, `parameter`, `environment-variable`), and name
# Kinds of both ends. Other pairs only order: whether the platform does more is unconfirmed.
CARRYING = frozenset(
    {
        ("output", "input"),
        ("output", "file"),
        ("input", "input"),
        ("input", "file"),
        ("parameter", "parameter"),
        ("metadata", "parameter"),
        ("environment-variable", "environment-variable"),
        ("deployment", "parameter"),
    }
)
_WILD = frozenset("*?[")


def filled_inputs(source_kind: str, key: str, known: Iterable[str]) -> list[str] | None:
    """The inputs that a pattern as the key of a target means; None where the key is the name of one.

    Only edges between inputs have patterns there: files go to the input of the same name.
    """
    if source_kind != "input" or not _WILD & set(key):
        return None
    known = list(known)
    return None if key in known else [name for name in known if matches(name, key)]


def filled_parameter(key: str, known: Iterable[str]) -> str | None:
    """The parameter that the key of a target means, None where the step has none of that name."""
    return find_by_option(key, known)


def filled(source_kind: str, target_kind: str, key: str, step: Any) -> list[Item]:
    """What of a step an edge with these kinds and this key of its target may fill."""
    if (source_kind, target_kind) not in CARRYING:
        return []
    if target_kind == "input":
        found = filled_inputs(source_kind, key, step.inputs)
        return [(target_kind, name) for name in ([key] if found is None else found)]
    if target_kind == "parameter":
        name = filled_parameter(key, step.parameters)
        return [] if name is None else [(target_kind, name)]
    return [(target_kind, key)] if target_kind == "environment-variable" else []
