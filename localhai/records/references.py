"""From what a person types to a row: `5`, `#5`, `=5`, `latest`, an id or the beginning of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from localhai.errors import UsageError
from localhai.records.database import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.records.database import Transaction
    from localhai.records.mapper import Table
    from localhai.records.owners import Owner

CANDIDATES = 5
SHORTEST = 4  # of a beginning that may be something else: fewer digits are a counter, fewer letters a name

_counter_re = re.compile(r"[#=]?(\d{1,9})")
_beginning_re = re.compile(r"[0-9a-f]+(-[0-9a-f]*)*")


class Counted(Protocol):
    """What has a number in its project."""

    @property
    def id(self) -> str: ...
    @property
    def counter(self) -> int: ...
    @property
    def project(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def owner(self) -> Owner | None: ...


Item = TypeVar("Item", bound=Counted)


def beginning(text: str, column: str, *, shortest: int = SHORTEST) -> tuple[str, dict[str, Any]] | None:
    """The condition that an id begins with this, and its parameters; None for what is the beginning of no id."""
    text = text.lower()
    if len(text) < shortest or not _beginning_re.fullmatch(text):
        return None
    # `g` comes after every digit of an id, so this range holds what begins with the text
    return f"({column} >= :low AND {column} < :high)", {"low": text, "high": f"{text}g"}


def find(
    transaction: Transaction,
    table: Table[Item],
    ref: str,
    project_id: str | None,
    *,
    start: str,
    named: str = "name",
    told: Sequence[str] = (),
) -> Item:
    """The one that is meant. A number is that of the project; what begins so is looked for there first.

    `start` is the command that makes the first one, `named` the field by which people know one, `told` are hints for
    who names none. Raises UsageError, with candidates.
    """
    ref = ref.strip().lower()
    search = _Search(transaction, table, project_id, named)
    if ref == "latest":
        newest = search.select("1 = 1", limit=1)
        if not newest:
            raise UsageError(f"there is no {table.noun} yet", where="latest", hints=[start])
        return newest[0]
    counter = _counter_re.fullmatch(ref)
    found = None
    if counter and project_id is not None:
        found = search.counted(int(counter[1]))
    found = found or search.beginning(ref)
    if found is not None:
        return found
    if counter and project_id is None:
        raise UsageError(
            f"{ref} is the number of {'an' if table.noun[0] in 'aeiou' else 'a'} {table.noun} in a project,"
            " and no project is given",
            where=ref,
            hints=[f"call from the project's folder, or give the {table.noun}'s id"],
        )
    hints = [*told, *search.lines(search.select("1 = 1", limit=CANDIDATES))]
    raise UsageError(f"there is no {table.noun} {ref!r}", where=ref, hints=hints or [start])


class _Search(Generic[Item]):
    """Looks in one table, in a project or, with None, in all."""

    def __init__(self, transaction: Transaction, table: Table[Item], project_id: str | None, named: str) -> None:
        self._transaction, self._table, self._project_id, self._named = transaction, table, project_id, named

    def counted(self, counter: int) -> Item | None:
        found = self.select(f"{self._table.alias}.counter = :counter", limit=1, counter=counter)
        return found[0] if found else None

    def beginning(self, ref: str) -> Item | None:
        """The project's own first, then those of all: one home holds all projects. Raises UsageError for several."""
        shortest = SHORTEST if _counter_re.fullmatch(ref) else 1
        range_of = beginning(ref, f"{self._table.alias}.id", shortest=shortest)
        if range_of is None:
            return None
        for anywhere in dict.fromkeys((self._project_id is None, True)):
            found = self.select(range_of[0], anywhere=anywhere, **range_of[1])
            if len(found) == 1:
                return found[0]
            if found:
                said = f"{len(found)} {self._table.noun}s begin with {ref!r}"
                raise UsageError(said, where=ref, hints=self.lines(found[:CANDIDATES]))
        return None

    def select(
        self, condition: str, *, limit: int | None = None, anywhere: bool = False, **parameters: Any
    ) -> list[Item]:
        """Newest first."""
        alias = self._table.alias
        own = ""
        if self._project_id is not None and not anywhere:
            own, parameters["project_id"] = f"{alias}.project_id = :project_id AND", self._project_id
        if limit is not None:
            parameters["limit"] = limit
        order = f"ORDER BY {alias}.id DESC"
        tail = statement("WHERE", own, condition, order, "" if limit is None else "LIMIT :limit")
        return self._table.select(self._transaction, tail, parameters)

    def lines(self, items: Sequence[Item]) -> list[str]:
        """How candidates are shown."""
        return [
            f"#{item.counter} {item.id} {getattr(item, self._named)} ({item.project}, {item.status})" for item in items
        ]
