"""Metadata: stdout lines that are one JSON object each (platform.md 3), stored as they come and summed up per key.

Lists, scalars and lines with text around the object are no metadata (unconfirmed on the platform). Metadata lines stay
in the log too. NaN and Infinity are stored as null (unconfirmed). A `_time` printed by the step gives way to ours
(unconfirmed).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct, field, to_builtins

from localhai.errors import DiskFull
from localhai.executions.log.log import LineAssembler, format_time
from localhai.system import durable, strict_json
from localhai.system.text import clean_value

METADATA = "metadata.jsonl"
SUMMARY = "metadata.summary.json"
_NUMBERS = frozenset({int, float})


class KeySummary(Struct, rename={"minimum": "min", "maximum": "max"}):
    """What one key came to: `minimum` and `maximum` over its finite numbers, None where it had none."""

    latest: Any = None
    count: int = 0
    minimum: int | float | None = None
    maximum: int | float | None = None

    def add(self, values: Sequence[Any]) -> None:
        self.latest = values[-1]
        self.count += len(values)
        if not set(map(type, values)) <= _NUMBERS:
            values = [value for value in values if type(value) in _NUMBERS]
        if values:
            low, high = min(values), max(values)
            self.minimum = low if self.minimum is None else min(self.minimum, low)
            self.maximum = high if self.maximum is None else max(self.maximum, high)


class Summary(Struct):
    """All keys of an execution, in the order in which they first came."""

    events: int = 0
    keys: dict[str, KeySummary] = field(default_factory=dict)

    def add(self, objects: Sequence[dict[str, Any]]) -> None:
        """Count in a batch. Column by column where all objects have the same keys, as the lines of a training do."""
        self.events += len(objects)
        names = objects[0].keys()
        if len(objects) > 1 and all(item.keys() == names for item in objects):
            for name in names:
                self._key(name).add([item[name] for item in objects])
            return
        for item in objects:
            for name, value in item.items():
                self._key(name).add((value,))

    def _key(self, name: str) -> KeySummary:
        found = self.keys.get(name)
        if found is None:
            found = self.keys[name] = KeySummary()
        return found

    @property
    def latest(self) -> dict[str, Any]:
        """Key to latest value: what the platform calls cumulative metadata."""
        return {name: key.latest for name, key in self.keys.items()}

    @property
    def ranges(self) -> dict[str, tuple[int | float, int | float]]:
        """Key to smallest and largest number, where these are others than the latest value."""
        found: dict[str, tuple[int | float, int | float]] = {}
        for name, key in self.keys.items():
            low, high = key.minimum, key.maximum
            if low is not None and high is not None and not low == key.latest == high:
                found[name] = (low, high)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Of each key `latest, count, min, max`."""
        found: dict[str, Any] = strict_json.values(self.keys)
        return found


def parse_line(line: bytes) -> tuple[dict[str, Any], bool] | None:
    """The object that a line is, and whether its own text can be stored as it is; None when it is no metadata."""
    if line[:1] != b"{":  # the common case: neither metadata nor white space before it
        line = line.strip()
        if line[:1] != b"{":
            return None
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _parse_leniently(line)
    return found, "_time" not in found


def _parse_leniently(text: bytes) -> tuple[dict[str, Any], bool] | None:
    """NaN and Infinity are what Python prints; huge integers and lone surrogates too are beyond orjson."""
    if not text.rstrip().endswith(b"}"):
        return None
    try:
        found = clean_value(json.loads(text.decode("utf-8")))
    except (ValueError, RecursionError):
        return None
    return _finite(found), False


def _holds_more_than_json(line: bytes) -> bool:
    """Whether a number in it is not finite."""
    found = json.loads(line.decode())
    return bool(_finite(found) != found)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value


class MetadataCollector:
    """Finds metadata in the bytes of stdout, appends it to metadata.jsonl and keeps the summary.

    `on_objects` is told of each batch: stop-conditions and live views look at it.
    """

    def __init__(self, folder: Path, on_objects: Callable[[Sequence[dict[str, Any]]], None] | None = None) -> None:
        self._file = os.open(folder / METADATA, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._lines = LineAssembler()
        self._folder = folder
        self._on_objects = on_objects
        self.summary = Summary()
        self.not_finite = False

    def feed(self, data: bytes, time: float) -> None:
        """Bytes of stdout that came at `time` (seconds since 1970). Raises DiskFull."""
        lines = self._lines.feed(data)
        if lines:
            self._take(lines, time)

    def end(self, time: float) -> None:
        """The stream is over: a last line without newline counts."""
        self._take(list(self._lines.end()), time)
        self.save_summary()
        os.close(self._file)

    def leave(self) -> None:
        """Close the file, without a summary: this is not the end."""
        os.close(self._file)

    def save_summary(self) -> None:
        summary = strict_json.encode(self.summary, default=to_builtins)
        durable.write(self._folder / SUMMARY, summary, mode=0o644, synced=False)

    def _take(self, lines: Sequence[bytes], time: float) -> None:
        prefix = b'{"_time":"' + format_time(datetime.fromtimestamp(time, timezone.utc)).encode() + b'"'
        objects: list[dict[str, Any]] = []
        texts: list[bytes] = []
        for line in lines:
            parsed = parse_line(line)
            if parsed is None:
                continue
            found, verbatim = parsed
            objects.append(found)
            texts.append(self._stored(prefix, line, found, verbatim=verbatim))
        if objects:
            self._write(b"".join(texts))
            self.summary.add(objects)
            if self._on_objects is not None:
                self._on_objects(objects)

    def _stored(self, prefix: bytes, line: bytes, found: dict[str, Any], *, verbatim: bool) -> bytes:
        if verbatim:
            rest = line.strip()[1:]
            return prefix + (b"," + rest if found else rest) + b"\n"
        found.pop("_time", None)
        self.not_finite = self.not_finite or _holds_more_than_json(line)
        rest = strict_json.dumps(found, compact=True).encode()[1:]
        return prefix + (b"," + rest if found else rest) + b"\n"

    def _write(self, data: bytes) -> None:
        try:
            durable.append(self._file, data)
        except OSError as error:
            raise DiskFull(f"metadata cannot be written: {error.strerror}") from error


def read_metadata(folder: Path) -> Iterator[dict[str, Any]]:
    """All metadata events of an execution in order, each with `_time`. A line cut by a crash is left out."""
    path = folder / METADATA
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            parsed = parse_line(line)
            if parsed is not None:
                yield parsed[0]


def read_summary(folder: Path) -> Summary:
    """The summary of an execution: the saved one, else counted again from the events (after a crash)."""
    path = folder / SUMMARY
    if path.exists():
        saved = json.loads(path.read_bytes())
        return strict_json.convert(saved, Summary)
    summary = Summary()
    for item in read_metadata(folder):
        item.pop("_time", None)
        summary.add([item])
    return summary
