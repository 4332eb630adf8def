"""Metadata as series of numbers: columns of a file that grows, kept in memory, and as many points of them as fit.

Of more lines than there are points each point is a bucket of lines, with its smallest, largest and last value: what is
drawn from that has every spike (page.md 7.1).
"""

from __future__ import annotations

import math
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from datetime import datetime, timezone
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import Struct

from localhai.executions.log.growing import whole_lines
from localhai.executions.log.metadata import METADATA, parse_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_KEYS = 2000  # columns of an execution
MEMORY = 256 << 20  # bytes of all columns that are kept
_MINUTE = 16  # characters of a time before its seconds
NAN = math.nan


class SeriesColumn(Struct):
    """Values of one key, and the numbers of their lines, from 1; NaN where a line says null."""

    rows: array[int]
    values: array[float]


class Window(Struct, frozen=True):
    """The part of the x axis that is wanted; None: all of it."""

    low: float | None = None
    high: float | None = None

    def has(self, x: float) -> bool:
        """Whether it is in it."""
        return (self.low is None or x >= self.low) and (self.high is None or x <= self.high)


class MetadataColumns:
    """The numbers in the metadata of one execution, read on as it grows. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / METADATA
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._at = 0
        self.events = 0
        self._times = array("d")
        self._columns: dict[str, SeriesColumn] = {}

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 8 * len(self._times) + sum(12 * len(column.rows) for column in list(self._columns.values()))

    def read(self) -> MetadataColumns:
        """Itself, with all lines that have ended by now."""
        with self._lock:
            try:
                size = self._path.stat().st_size
                if size < self._at:  # an adopter writes it anew
                    self._forget()
                for data in whole_lines(self._path, self._at) if size > self._at else ():
                    self._at += len(data)
                    if objects := _objects(data):
                        self._add(objects)
            except FileNotFoundError:
                self._forget()
        return self

    def _add(self, objects: Sequence[dict[str, Any]]) -> None:
        first = self.events + 1
        self.events += len(objects)
        self._times.extend(_moments([item.pop("_time", None) for item in objects]))
        names = objects[0].keys()
        if all(item.keys() == names for item in objects):  # as the lines of a training are
            numbers = range(first, first + len(objects))
            for name in names:
                self._put(name, numbers, [item[name] for item in objects])
            return
        for number, item in enumerate(objects, first):
            for name, value in item.items():
                self._put(name, (number,), (value,))

    def _put(self, name: str, numbers: Sequence[int], values: Sequence[Any]) -> None:
        column = self._columns.get(name)
        if column is None:
            if not any(type(value) in {int, float} for value in values) or len(self._columns) >= MOST_KEYS:
                return
            column = self._columns[name] = SeriesColumn(array("I"), array("d"))
        if not set(map(type, values)) <= {int, float}:
            pairs = [(number, value) for number, value in zip(numbers, values, strict=True) if _counts(value)]
            numbers = [number for number, _ in pairs]
            values = [NAN if value is None else value for _, value in pairs]
        column.rows.extend(numbers)
        try:
            column.values.extend(values)
        except OverflowError:  # an integer beyond all floats; those before it are there
            del column.values[len(column.rows) - len(values) :]
            column.values.extend(map(_float, values))

    def series(self, y: str, x: str, window: Window, points: int) -> dict[str, Any]:
        """`{y, x, min, max, last, total, shown}`; `x` is `line`, `time`, `relative` or a key."""
        with self._lock:
            column = self._columns.get(y) or SeriesColumn(array("I"), array("d"))
            xs, values = self._along(column, x)
            xs, values = _within(xs, values, window, rising=x in {"line", "time", "relative"})
        return {"y": y, **_points(xs, values, points)}

    def _along(self, column: SeriesColumn, x: str) -> tuple[Sequence[float], Sequence[float]]:
        rows, values = column.rows, column.values
        if x == "line":
            return rows, values
        if x in {"time", "relative"}:
            start = self._times[0] if x == "relative" and self._times else 0.0
            return [self._times[row - 1] - start for row in rows], values
        other = self._columns.get(x)
        if other is None:
            return (), ()
        if other.rows == rows:
            return other.values, values
        known = dict(zip(other.rows, other.values, strict=True))
        pairs = [(known[row], value) for row, value in zip(rows, values, strict=True) if row in known]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _counts(value: Any) -> bool:
    return value is None or type(value) in {int, float}


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _objects(data: bytes) -> list[dict[str, Any]]:
    """The lines that are objects: read at once, or each by itself where one of them is spoiled."""
    try:
        found: list[Any] = orjson.loads(b"[%s]" % data.rstrip(b"\n").replace(b"\n", b","))
    except orjson.JSONDecodeError:
        return [parsed[0] for line in data.split(b"\n") if line and (parsed := parse_line(line))]
    return found if all(map(_is_object, found)) else [item for item in found if isinstance(item, dict)]


def _is_object(item: Any) -> bool:
    return type(item) is dict


@lru_cache(maxsize=1000)
def _start(minute: str) -> float:
    return datetime.fromisoformat(minute).replace(tzinfo=timezone.utc).timestamp()


def _moments(texts: Sequence[Any]) -> list[float]:
    """Seconds since 1970 of each `_time`, which is UTC; NaN for what is none."""
    try:
        return [_start(text[:_MINUTE]) + float(text[_MINUTE + 1 :]) for text in texts]
    except (TypeError, ValueError):
        return [_moment(text) for text in texts]


def _moment(text: Any) -> float:
    try:
        return _start(text[:_MINUTE]) + float(text[_MINUTE + 1 :])
    except (TypeError, ValueError):
        return NAN


def _within(
    xs: Sequence[float], values: Sequence[float], window: Window, *, rising: bool
) -> tuple[Sequence[float], Sequence[float]]:
    if window.low is None and window.high is None:
        return xs, values
    if rising:
        start = 0 if window.low is None else bisect_left(xs, window.low)
        end = len(xs) if window.high is None else bisect_right(xs, window.high)
        return xs[start:end], values[start:end]
    pairs = [(at, value) for at, value in zip(xs, values, strict=True) if window.has(at)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _points(xs: Sequence[float], values: Sequence[float], points: int) -> dict[str, Any]:
    total = len(values)
    if total <= points:
        last = list(values)
        return {"x": list(xs), "min": last, "max": last, "last": last, "total": total, "shown": total}
    edges = [total * number // points for number in range(points + 1)]
    low, high = [], []
    for start, end in pairwise(edges):
        part: Sequence[float] = values[start:end]
        if math.isnan(part[0]):  # behind another value NaN is passed over
            part = [value for value in part if not math.isnan(value)] or [NAN]
        low.append(min(part))
        high.append(max(part))
    ends = [end - 1 for end in edges[1:]]
    return {
        "x": [xs[end] for end in ends],
        "min": low,
        "max": high,
        "last": [values[end] for end in ends],
        "total": total,
        "shown": points,
    }


_known: OrderedDict[str, MetadataColumns] = OrderedDict()
_lock = threading.Lock()


def columns_of(folder: Path) -> MetadataColumns:
    """The columns of an execution, read up to now. The same object each time, as long as there is room for it."""
    with _lock:
        found = _known.setdefault(str(folder), MetadataColumns(folder))
        _known.move_to_end(str(folder))
    found.read()
    with _lock:
        while len(_known) > 1 and sum(columns.size for columns in _known.values()) > MEMORY:
            _known.popitem(last=False)
    return found
