"""From what a person types to a pipeline or a task: `5`, `#5`, `=5`, `latest`, an id or the beginning of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from localhai.errors import UsageError
from localhai.records.database import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from localhai.records.database import Transaction

CANDIDATES = 5

_counter_re = re.compile(r"[#=]?(\d{1,9})")
_prefix_re = re.compile(r"[0-9a-f]{4}[0-9a-f-]*")


class FindableRow(Protocol):
    """What a row of these tables has."""

    @property
    def id(self) -> str: ...
    @property
    def counter(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def project(self) -> str: ...
    @property
    def status(self) -> str: ...


Item = TypeVar("Item", bound=FindableRow)


def find(
    transaction: Transaction,
    ref: str,
    project_id: str | None,
    *,
    noun: str,
    table: str,
    select: Callable[[Transaction, str, Mapping[str, Any]], Sequence[Item]],
) -> Item:
    """The one that is meant; `table` is its name in the SQL of `select`. Counters are those of the project.

    Raises UsageError, with candidates.
    """
    ref = ref.strip().lower()
    own = f"{table}.project_id = :project_id" if project_id is not None else "1 = 1"
    scope = {} if project_id is None else {"project_id": project_id}
    newest = statement("WHERE", own, f"ORDER BY {table}.id DESC LIMIT :limit")
    found: Sequence[Item] = ()
    counter = _counter_re.fullmatch(ref)
    if ref == "latest":
        found = select(transaction, newest, {**scope, "limit": 1})
    elif counter and project_id is not None:
        tail = statement("WHERE", own, f"AND {table}.counter = :counter")
        found = select(transaction, tail, {**scope, "counter": int(counter[1])})
    if not found and _prefix_re.fullmatch(ref):
        # `g` comes after every digit of an id, so this range holds what begins with the prefix.
        tail = f"WHERE {table}.id >= :low AND {table}.id < :high"
        found = select(transaction, tail, {"low": ref, "high": f"{ref}g"})
    if len(found) == 1:
        return found[0]
    said = f"{len(found)} {noun}s begin with {ref!r}" if found else f"there is no {noun} {ref!r}"
    shown = found or select(transaction, newest, {**scope, "limit": CANDIDATES})
    lines = [f"#{item.counter} {item.id} {item.name} ({item.project}, {item.status})" for item in shown]
    raise UsageError(said, where=ref, hints=lines[:CANDIDATES] or [f"start one: localhai {noun} run NAME"])
