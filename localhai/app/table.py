"""The executions of a project as one table: facts, parameters and metrics in columns, and what of it changed since.

A table is kept and brought up to date: rows that are as they were are not read again. Whoever runs an execution, what
changes is seen in the records and, of what still runs, in its metadata (page.md 3).
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from msgspec import Struct, field

from localhai.app.changes import records_mark
from localhai.executions.log.growing_summary import growing_summary
from localhai.executions.log.metadata import read_summary
from localhai.system import strict_json
from localhai.system.text import cut
from localhai.vocabulary import FINAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from localhai.app.changes import Mark
    from localhai.executions.home import Home
    from localhai.records import ExecutionRecord
    from localhai.records.overview import Marks

MOST_KEYS = 500  # columns of parameters, and of metrics
LONGEST = 200  # characters of a value
COLUMNS = (
    *("id", "counter", "status", "step", "title", "created", "started", "finished", "duration", "creator", "commit"),
    *("image", "environment", "tags", "exit_code", "error", "task", "pipeline", "outputs"),
)
_AT_ONCE = 500  # rows that are read at once
_TABLES = 8  # of projects that are kept
Metric = tuple[Any, Any, Any]  # latest, smallest, largest


class TableRow(Struct):
    """An execution. `facts` are in the order of COLUMNS; `changed` is the table's revision when it last did."""

    facts: tuple[Any, ...]
    parameters: Mapping[str, Any]
    metrics: Mapping[str, Metric]
    changed: int = 0


class ProjectTable:
    """The table of one project. Thread-safe."""

    def __init__(self, home: Home, project_id: str) -> None:
        self._home, self._project_id = home, project_id
        self._lock = threading.Lock()
        self._epoch = secrets.token_hex(4)
        self._revision = 0
        self._rows: dict[str, TableRow] = {}
        self._marks: dict[str, str] = {}
        self._removed: dict[str, int] = {}
        self._running: dict[str, Path] = {}
        self._seen: Mark | None = None

    def answer(self, since: str | None = None) -> dict[str, Any]:
        """The table as it is now, or what changed since a revision of it (page.md 3.2, 3.3)."""
        with self._lock:
            self._bring_up_to_date()
            number = self._number(since)
            rows = [row for row in self._rows.values() if number is None or row.changed > number]
            removed = [] if number is None else [key for key, when in self._removed.items() if when > number]
            facts = {
                "project": self._project_id,
                "revision": f"{self._epoch}.{self._revision}",
                "whole": number is None,
                "count": len(self._rows),
                "rows": len(rows),
                "removed": removed,
            }
        return {**facts, **_columns(rows)}

    @property
    def running(self) -> list[Path]:
        """Folders of executions whose metadata may grow."""
        return list(self._running.values())

    def _number(self, revision: str | None) -> int | None:
        epoch, _, number = (revision or "").partition(".")
        known = epoch == self._epoch and number.isascii() and number.isdigit() and len(number) < len(str(2**63))
        return min(int(number), self._revision) if known else None

    def _bring_up_to_date(self) -> None:
        """Several who ask after one change read the records once."""
        seen = records_mark(self._home)
        later = self._revision + 1
        read = set() if seen == self._seen else self._read(later)
        self._seen = seen
        live = [key for key in self._running if key not in read and self._look(key, later)]
        if live:
            self._revision = later

    def _read(self, later: int) -> set[str]:
        """What changed in the records; gives the ids of those that were read."""
        found = self._home.records.overview.marks(self._project_id)
        marks = found.texts
        gone = [key for key in self._rows if key not in marks]
        changed = [key for key, mark in marks.items() if self._marks.get(key) != mark]
        for key in gone:
            del self._rows[key]
            self._running.pop(key, None)
            self._removed[key] = later
        read: set[str] = set()
        for start in range(0, len(changed), _AT_ONCE):
            part = self._home.records.executions.by_id(changed[start : start + _AT_ONCE])
            for record in part.values():
                self._put(record, found, later)
            read |= part.keys()
        self._marks = {key: mark for key, mark in marks.items() if key in self._rows}
        if gone or read:
            self._revision = later
        if read:
            self._rows = {key: self._rows[key] for key in self._marks}  # a new one stands where its id belongs
        return read

    def _put(self, record: ExecutionRecord, marks: Marks, revision: int) -> None:
        parameters = {name: shown(value) for name, value in (record.document.get("parameters") or {}).items()}
        self._rows[record.id] = TableRow(_facts(record, marks), parameters, self._metrics(record), revision)

    def _metrics(self, record: ExecutionRecord) -> dict[str, Metric]:
        if record.status in FINAL:
            self._running.pop(record.id, None)
            return metrics_of(self._home, record)
        if not record.folder:
            return {}
        self._running[record.id] = self._home.folder / record.folder
        return _live(self._running[record.id])

    def _look(self, key: str, revision: int) -> bool:
        """Whether metadata came of one that runs."""
        row, metrics = self._rows[key], _live(self._running[key])
        if metrics == row.metrics:
            return False
        row.metrics, row.changed = metrics, revision
        return True


class _Tables(Struct):
    lock: threading.Lock = field(default_factory=threading.Lock)
    of: OrderedDict[str, ProjectTable] = field(default_factory=OrderedDict)


_tables: WeakKeyDictionary[Home, _Tables] = WeakKeyDictionary()


def table_of(home: Home, project_id: str) -> ProjectTable:
    """The same object for the same project of a home: what it knows is not read again."""
    tables = _tables.setdefault(home, _Tables())
    with tables.lock:
        found = tables.of.setdefault(project_id, ProjectTable(home, project_id))
        tables.of.move_to_end(project_id)
        while len(tables.of) > _TABLES:
            tables.of.popitem(last=False)
        return found


def metrics_of(home: Home, record: ExecutionRecord) -> dict[str, Metric]:
    """Key to latest, smallest and largest value of one that has ended."""
    latest: Mapping[str, Any] = record.document.get("metadata") or {}
    ranges = record.document.get("metadata_ranges")
    if ranges is None:  # of an earlier version
        ranges = _ranges_on_disk(home, record) if latest else {}
    return {name: (shown(value), *ranges.get(name, _alone(value))) for name, value in latest.items()}


def _ranges_on_disk(home: Home, record: ExecutionRecord) -> Mapping[str, tuple[Any, Any]]:
    try:
        return read_summary(home.folder / record.folder).ranges if record.folder else {}
    except (OSError, ValueError):  # removed, or spoiled: its latest values are on record
        return {}


def _live(folder: Path) -> dict[str, Metric]:
    try:
        keys = growing_summary(folder).read().keys
    except OSError:
        return {}
    return {name: (shown(key.latest), key.minimum, key.maximum) for name, key in list(keys.items())}


def _alone(value: Any) -> tuple[Any, Any]:
    return (value, value) if type(value) in {int, float} else (None, None)


def _facts(record: ExecutionRecord, marks: Marks) -> tuple[Any, ...]:
    document = record.document
    return (
        record.id,
        record.counter,
        str(record.status),
        record.step,
        _text(record.title),
        record.created,
        record.started,
        record.finished,
        record.duration,
        document.get("user"),
        record.commit,
        record.image,
        record.environment,
        list(record.tags),
        record.exit_code,
        _text(document.get("error")),
        marks.tasks.get(record.id),
        marks.pipelines.get(record.id),
        marks.outputs.get(record.id, 0),
    )


def shown(value: Any) -> Any:
    """A value in a cell: numbers, truth and nothing as they are, all else as a text of some length (page.md 1.7)."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _text(value if isinstance(value, str) else strict_json.dumps(value, ascii=False))


def _text(text: Any) -> Any:
    return None if text is None else cut(text, LONGEST)


def _columns(rows: Sequence[TableRow]) -> dict[str, Any]:
    facts = zip(*(row.facts for row in rows), strict=True) if rows else ((),) * len(COLUMNS)
    parameters, no_parameters = _chosen(row.parameters for row in rows)
    metrics, no_metrics = _chosen(row.metrics for row in rows)
    parts: dict[str, dict[str, Any]] = {name: {} for name in metrics}
    for place, part in enumerate(("latest", "min", "max")):
        columns = _keyed([{name: metric[place] for name, metric in row.metrics.items()} for row in rows], metrics)
        for name, column in columns.items():
            parts[name][part] = column
    return {
        "columns": {name: list(column) for name, column in zip(COLUMNS, facts, strict=True)},
        "parameters": _keyed([row.parameters for row in rows], parameters),
        "metrics": parts,
        "left_out": {"parameters": no_parameters, "metrics": no_metrics},
    }


def _chosen(keys: Iterable[Iterable[str]]) -> tuple[list[str], int]:
    """Those that most rows have, in the order in which they first come, and how many others there are."""
    counted = Counter(key for row in keys for key in row)
    if len(counted) <= MOST_KEYS:
        return list(counted), 0
    kept = {key for key, _ in counted.most_common(MOST_KEYS)}
    return [key for key in counted if key in kept], len(counted) - MOST_KEYS


def _keyed(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """A column for each name: a list, or where fewer than half have a value these alone (page.md 3.2)."""
    found: dict[str, tuple[list[int], list[Any]]] = {name: ([], []) for name in names}
    for number, row in enumerate(rows):
        for name, value in row.items():
            if value is not None and name in found:
                numbers, values = found[name]
                numbers.append(number)
                values.append(value)
    return {name: _column(numbers, values, len(rows)) for name, (numbers, values) in found.items()}


def _column(numbers: list[int], values: list[Any], length: int) -> Any:
    if len(numbers) == length:
        return values
    if len(numbers) * 2 < length:
        return {"rows": numbers, "values": values}
    dense: list[Any] = [None] * length
    for number, value in zip(numbers, values, strict=True):
        dense[number] = value
    return dense
