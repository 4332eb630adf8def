"""Where checks put what they find: problems with positions, each once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from localhai.errors import Position, Problem, Severity
from localhai.project.sentences import guess, quoted

if TYPE_CHECKING:
    from collections.abc import Collection

    from localhai.project.positions import DataPath, PositionMap

_MOST_COMPARED = 100_000


class Findings:
    """Collects problems; the same thing said twice about one place is kept once.

    `misshapen` holds the paths (index, kind) of items whose shape is wrong: their insides cannot be relied upon.
    """

    def __init__(self, positions: PositionMap) -> None:
        self.positions = positions
        self._found: dict[tuple[str, Position | None], Problem] = {}
        self.misshapen: set[tuple[object, ...]] = set()
        self._counts: Counter[str] = Counter()
        self._around_errors: set[tuple[object, ...]] = set()
        self._errors: dict[tuple[object, ...], list[Problem]] = {}

    def error(self, path: DataPath, message: str, code: str, hint: str | None = None, *, key: bool = False) -> None:
        """Something that fails on the platform. `key` points at the key of `path` instead of its value."""
        self._around_errors.update(tuple(path[:count]) for count in range(len(path) + 1))
        problem = self._add("error", path, message, code, hint=hint, key=key)
        self._errors.setdefault(tuple(path[:2]), []).append(problem)

    def warning(self, path: DataPath, message: str, code: str, hint: str | None = None, *, key: bool = False) -> None:
        """Something that is accepted and most likely not meant."""
        self._add("warning", path, message, code, hint=hint, key=key)

    def hint(self, path: DataPath, message: str, code: str, *, hint: str | None = None, key: bool = False) -> None:
        """Something worth knowing that is not wrong."""
        self._add("hint", path, message, code, hint=hint, key=key)

    def add(self, problem: Problem) -> None:
        """A problem whose position is known already."""
        if problem.severity == "error":
            self._errors.setdefault((), []).append(problem)
        self._keep(problem)

    def _keep(self, problem: Problem) -> Problem:
        return self._found.setdefault((problem.message, problem.position), problem)

    def has_errors_in(self, path: DataPath) -> bool:
        """Whether an error was found at `path` or inside it."""
        return tuple(path) in self._around_errors

    def errors_by_item(self) -> dict[tuple[object, ...], list[Problem]]:
        """All errors by the item (index, kind) in which they are; by less for those of the file."""
        return self._errors

    def may_guess(self, code: str, known: int) -> bool:
        """Whether one more problem of this code may be compared with `known` names, so that thousands stay quick."""
        return self._counts[code] * known < _MOST_COMPARED

    def problems(self) -> tuple[Problem, ...]:
        """All problems in the order of the file."""
        return tuple(sorted(self._found.values(), key=_order))

    def _add(
        self, severity: Severity, path: DataPath, message: str, code: str, *, hint: str | None, key: bool
    ) -> Problem:
        position = self.positions.key(path) if key else self.positions.value(path)
        self._counts[code] += 1
        return self._keep(Problem(severity, message, code, position, hint))


def absent(noun: str, name: object, known: Collection[str], owner: str = "") -> tuple[str, str, str | None]:
    """Message, code and hint for a name that means nothing: `step 'a' has no input 'b'`, `there is no step 'a'`."""
    message = f"{owner} has no {noun} {quoted(name)}" if owner else f"there is no {noun} {quoted(name)}"
    return message, f"unknown-{noun}", guess(name, known, plural=f"{noun}s")


def _order(problem: Problem) -> tuple[int, int, int]:
    rank = {"error": 0, "warning": 1, "hint": 2}[problem.severity]
    place = problem.position
    return (place.line, place.column, rank) if place is not None else (0, 0, rank)
