"""Problems for a terminal: where, what, the line of the file with a caret under it, and what to do."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localhai.errors import Position, Problem

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
