"""Words for values, lists of names and guesses, so that every problem reads as a sentence about what was written."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from localhai.project.names import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_LONGEST_QUOTE = 60
_MOST_NAMES = 12

_KINDS: tuple[tuple[type, str], ...] = (
    (dict, "mapping"),
    (list, "list"),
    (tuple, "pair"),
    (set, "set"),
    (bytes, "piece of binary data"),
)

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping (`key: value` lines)",
    "null": "nothing",
}


def quoted(value: object) -> str:
    """A name or text as the person wrote it, on one line, in quotes, cut when it is long."""
    text = " ".join(str(value).split()) or str(value)
    if len(text) > _LONGEST_QUOTE:
        text = text[: _LONGEST_QUOTE - 3] + "..."
    return f"'{text}'"


def described(value: Any) -> str:
    """What a YAML value is, to stand behind "not"."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    if isinstance(value, (dt.date, dt.datetime)):
        return f"the date {value}"
    empty = "" if value else "empty "
    return next((article(f"{empty}{word}") for kind, word in _KINDS if isinstance(value, kind)), quoted(value))


def article(words: str) -> str:
    """`a step`, `an endpoint`."""
    return f"an {words}" if words[:1] in "aeiou" else f"a {words}"


def any_of(words: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return _joined(words, "or")


def all_of(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return _joined(words, "and")


def _joined(words: Iterable[str], last: str) -> str:
    items = list(words)
    if len(items) > _MOST_NAMES:
        items = [*items[:_MOST_NAMES], f"{len(items) - _MOST_NAMES} more"]
    if len(items) < 2:  # noqa: PLR2004  # two things are joined
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def type_words(kind: str | list[str]) -> str:
    """A type, or several of which one will do, in words."""
    return any_of(_TYPES.get(name, name) for name in ([kind] if isinstance(kind, str) else kind))


def schema_words(schema: dict[str, Any]) -> str:
    """What a small schema asks for, in words: `text`, `a list of texts`, `none, full or suffix`."""
    if "enum" in schema:
        return any_of(str(value) for value in schema["enum"])
    kind = schema.get("type", "object")
    if kind == "array" and schema.get("items", {}) == {"type": "string"}:
        return "a list of texts"
    return type_words(kind)


def guess(wanted: object, known: Collection[str], *, plural: str = "") -> str | None:
    """The hint for a name that does not exist: the nearest known one, else all of them (headed by `plural`)."""
    near = nearest(str(wanted), known)
    if near is not None and near != wanted:
        return f"did you mean {near}?"
    if not known:
        return f"there are no {plural}" if plural else None
    return f"known {plural or 'names'}: {all_of(sorted(known))}"
