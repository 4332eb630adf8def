"""From structs to tables and back. Each noun declares once which table it has, and what its fields are there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from localhai.errors import UsageError
from localhai.records import owners
from localhai.records.database import columns_of, placeholders, statement, storable
from localhai.records.times import text
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from localhai.records.database import Row, Transaction

    Fill = Callable[[Transaction, Sequence[str], bool], Mapping[str, Mapping[str, Sequence[Any]]]]

Record = TypeVar("Record")

_AT_ONCE = 500  # SQLite before 3.32 takes 999 parameters


def _time(value: Any) -> Any:
    return None if value is None else text(value)


def _json(value: Any) -> str:
    return strict_json.dumps(value)


class Table(Generic[Record]):
    """A table, the struct that a row becomes, and how. Whatever is said nowhere here is a column as it is.

    `alias` is the table's name in the SQL that selects from it. `texts` are cleaned for every database, `times` may be
    given as moments, `documents` are JSON. `owner`: it has the columns of a process. `joined` are fields from other
    tables, which `join` brings in: name to SQL. `filled` are fields of several rows elsewhere: `fill` gives them for
    these ids, by name and id. `reads` are functions for columns that are another value in the struct; `make` makes the
    struct of a row that is not, field by field, what the struct has.
    """

    def __init__(
        self,
        struct: type[Record],
        name: str,
        alias: str,
        *,
        noun: str = "",
        texts: Iterable[str] = (),
        times: Iterable[str] = (),
        documents: Iterable[str] = (),
        owner: bool = False,
        joined: Mapping[str, str] | None = None,
        join: str = "",
        filled: Iterable[str] = (),
        fill: Fill | None = None,
        reads: Mapping[str, Callable[[Any], Any]] | None = None,
        make: Callable[..., Record] | None = None,
        hints: Sequence[str] = (),
    ) -> None:
        self.name, self.alias, self.noun = name, alias, noun
        self._make: Callable[..., Record] = make or struct
        self._owner, self._fill, self._hints = owner, fill, hints
        self._reads = {**dict.fromkeys(documents, json.loads), **(reads or {})}
        self._writes: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(texts, storable),
            **dict.fromkeys(times, _time),
            **dict.fromkeys(documents, _json),
        }
        joined = joined or {}
        apart = {*joined, *filled, *(("owner",) if owner else ())}
        fields: tuple[str, ...] = struct.__struct_fields__  # type: ignore[attr-defined]
        self.columns = (*(field for field in fields if field not in apart), *(owners.COLUMNS if owner else ()))
        selected = columns_of(alias, self.columns) + "".join(f", {sql} AS {field}" for field, sql in joined.items())
        self._selected = statement(selected, "FROM", name, alias, join)
        self.sql = statement("SELECT", self._selected)

    # to columns

    @classmethod
    def of_project(cls, struct: type[Record], name: str, alias: str, **more: Any) -> Table[Record]:
        """That of a noun which runs in a project: with a document, an owner, and the name of the project."""
        join = f"JOIN projects p ON p.id = {alias}.project_id"
        known = {"documents": ("document",), "owner": True, "joined": {"project": "p.name"}, "join": join}
        return cls(struct, name, alias, **{**known, **more})

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Columns by name, as they are stored, of these fields."""
        found: dict[str, Any] = {}
        for field, value in values.items():
            if field == "owner" and self._owner:
                found |= owners.columns(value)
            else:
                write = self._writes.get(field)
                found[field] = value if write is None else write(value)
        return found

    def insert(self, transaction: Transaction, values: Mapping[str, Any], conflict: str = "") -> int:
        """Add a row of these fields; `conflict` is what follows ON CONFLICT. Gives how many rows were added."""
        row = self.row(values)
        return transaction.change(self._insert(row, conflict), row)

    def insert_many(self, transaction: Transaction, rows: Sequence[Mapping[str, Any]], conflict: str = "") -> None:
        """Add rows that all have the same fields."""
        if rows:
            made = [self.row(values) for values in rows]
            transaction.change_many(self._insert(made[0], conflict), made)

    def _insert(self, row: Row, conflict: str) -> str:
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join(f":{name}" for name in row)
        into = statement("INSERT INTO", self.name, "(", names, ") VALUES (", marks, ")")
        return statement(into, "ON CONFLICT" if conflict else "", conflict)

    def update(self, transaction: Transaction, values: Mapping[str, Any], where: str, **parameters: Any) -> int:
        """Set these fields of the rows for which `where` holds. Gives how many these are."""
        row = self.row(values)
        settings = ", ".join(f'"{name}" = :new_{name}' for name in row)
        sql = statement("UPDATE", self.name, "SET", settings, "WHERE", where)
        return transaction.change(sql, {**{f"new_{name}": value for name, value in row.items()}, **parameters})

    # and back

    def select(
        self,
        transaction: Transaction,
        tail: str = "",
        parameters: Mapping[str, Any] | None = None,
        *,
        whole: bool = True,
    ) -> list[Record]:
        """What `tail`, which follows FROM, finds. Not `whole`: without those filled fields that cost much."""
        rows = transaction.rows(statement(self.sql, tail), parameters)
        filled = self._fill(transaction, [row["id"] for row in rows], whole) if self._fill is not None else {}
        return [
            self.record(row, **{field: tuple(of.get(row["id"], ())) for field, of in filled.items()}) for row in rows
        ]

    def record(self, row: Row, **filled: Any) -> Record:
        """The struct of a row, which is used up."""
        if self._owner:
            row["owner"] = owners.take(row)
        for field, read in self._reads.items():
            row[field] = read(row[field])
        return self._make(**row, **filled)

    def one(self, transaction: Transaction, key: str, *, whole: bool = True, lock: bool = False) -> Record:
        """By its full id; with `lock`, nobody else changes it until the transaction ends. Raises UsageError."""
        tail = statement("WHERE", f"{self.alias}.id = :id", f"FOR UPDATE OF {self.alias}" if lock else "")
        found = self.select(transaction, tail, {"id": key}, whole=whole)
        if not found:
            raise UsageError(f"there is no {self.noun} {key}", where=key, hints=self._hints)
        return found[0]

    def is_there(self, transaction: Transaction, key: Any) -> bool:
        """Whether there is one of this id."""
        return bool(transaction.rows(statement("SELECT id FROM", self.name, "WHERE id = :id"), {"id": key}))

    def among(
        self, transaction: Transaction, column: str, values: Sequence[str], order: str = "", *, whole: bool = True
    ) -> Iterator[Record]:
        """Those that have one of these values in a column, however many values there are."""
        for part in parts(values):
            listed, parameters = placeholders(part)
            tail = statement("WHERE", f"{self.alias}.{column}", "IN", listed, order)
            yield from self.select(transaction, tail, parameters, whole=whole)

    def grouped(self, transaction: Transaction, key: str, ids: Sequence[str], order: str) -> dict[str, list[Record]]:
        """Those that belong to these ids by column `key`: by id, in this order, without what is filled."""
        found: dict[str, list[Record]] = {}
        sql = statement("SELECT", f"{self.alias}.{key} AS belongs_to,", self._selected)
        for part in parts(ids):
            listed, parameters = placeholders(part)
            where = statement("WHERE", f"{self.alias}.{key}", "IN", listed, "ORDER BY", order)
            for row in transaction.rows(statement(sql, where), parameters):
                found.setdefault(row.pop("belongs_to"), []).append(self.record(row))
        return found


def parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """The values in parts that fit into an IN list."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def names(transaction: Transaction, sql: str, key: str, ids: Sequence[str], order: str) -> dict[str, list[str]]:
    """The column `name` of what `sql`, which ends before WHERE, finds where `key` is one of these ids: by id."""
    found: dict[str, list[str]] = {}
    for part in parts(ids):
        listed, parameters = placeholders(part)
        for row in transaction.rows(statement(sql, "WHERE", key, "IN", listed, "ORDER BY", order), parameters):
            found.setdefault(row[key], []).append(row["name"])
    return found
