"""Metadata of several executions as one table of comma-separated values."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from localhai.executions.log.metadata import read_metadata
from localhai.server.addresses import execution_of, files_of
from localhai.server.errors import field
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from localhai.records import ExecutionRecord
    from localhai.records.server import User
    from localhai.server.state import State

MOST = 1000  # executions
_FACTS = ("id", "execution")


def rows_of(state: State, user: User, body: Mapping[str, Any]) -> Iterator[str]:
    """Lines of the table: `id, execution, _time` and every key, one for each event. Raises Refused, FilesNotHere."""
    ids = body.get("ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(item, str) for item in ids) or len(ids) > MOST:
        raise field("ids", f"A list of at most {MOST} ids is needed.", "required")
    rows = [execution_of(state, user, item) for item in ids]
    found = [(row, files_of(state, row)) for row in rows]
    return _lines(found, _keys(found))


def _keys(rows: list[tuple[ExecutionRecord, Path | None]]) -> list[str]:
    found: dict[str, None] = {"_time": None}
    for _row, folder in rows:
        for event in read_metadata(folder) if folder else ():
            found.update(dict.fromkeys(event))
    return list(found)


def _lines(rows: list[tuple[ExecutionRecord, Path | None]], keys: list[str]) -> Iterator[str]:
    line = io.StringIO()
    table = csv.writer(line)
    table.writerow([*_FACTS, *keys])
    for row, folder in rows:
        for event in read_metadata(folder) if folder else ():
            table.writerow([row.id, row.counter, *(_cell(event.get(key)) for key in keys)])
            yield line.getvalue()
            line.seek(0)
            line.truncate()
    yield line.getvalue()


def _cell(value: Any) -> Any:
    return strict_json.dumps(value) if isinstance(value, (dict, list, bool)) else value
