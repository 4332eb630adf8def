"""Words for values, lists of names, guesses and problems: each reads as a sentence about what was written."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import TYPE_CHECKING, Any

from localhai.project.names import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from localhai.errors import Position, Problem


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


_WIDEST = 110
_BEFORE_CARET = 70
_COLOURS = {"error": "bold red", "warning": "bold yellow", "hint": "bold cyan"}


def render_problems(problems: Iterable[Problem], *, markup: bool = False) -> str:
    """All problems, one below the other; `markup` is rich's, for a colour terminal."""
    return "\n".join(render_problem(problem, markup=markup) for problem in problems)


def render_problem(problem: Problem, *, markup: bool = False) -> str:
    """One problem: `file:line:column: error: message`, then source line, caret and hint where there are any."""
    severity, message = problem.severity, _plain(problem.message, markup=markup)
    if markup:
        severity = f"[{_COLOURS[severity]}]{severity}[/]"  # type: ignore[assignment]
    place = f"{_plain(str(problem.position), markup=markup)}: " if problem.position is not None else ""
    lines = [f"{place}{severity}: {message}"]
    if problem.position is not None and problem.position.source.strip():
        lines += _excerpt(problem.position, markup=markup)
    if problem.hint:
        lines.append(f"    hint: {_plain(problem.hint, markup=markup)}")
    return "\n".join(lines)


def summary(problems: Iterable[Problem]) -> str:
    """`2 errors, 1 warning`, or `no problems`."""
    severities = [problem.severity for problem in problems]
    counts = [(severities.count(name), name) for name in ("error", "warning", "hint")]
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count) or "no problems"


def _excerpt(position: Position, *, markup: bool) -> list[str]:
    """The source line around the column, and a caret below it."""
    source, column = position.source, position.column - 1
    start = 0 if len(source) <= _WIDEST else max(0, column - _BEFORE_CARET)
    shown = source[start : start + _WIDEST].rstrip()
    before = source[start:column]
    caret = " " * sum(_width(character) for character in before) + "^"
    if markup:
        caret = f"[bold]{caret}[/]"
    return [f"    {_plain(shown, markup=markup)}", f"    {caret}"]


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _plain(text: str, *, markup: bool) -> str:
    """Text that neither moves the cursor nor colours the terminal, whatever the file holds."""
    safe = "".join(character if character.isprintable() else " " for character in text)
    if not markup:
        return safe
    from rich.markup import escape

    return escape(safe)
