"""Metadata of several executions as one table of comma-separated values."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from localhai.executions.metadata import read_metadata
from localhai.server.addresses import execution_of
from localhai.server.errors import field
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from localhai.records import Execution
    from localhai.records.server import User
    from localhai.server.state import State

MOST = 1000  # executions
_FACTS = ("id", "execution")


def rows_of(state: State, user: User, body: Mapping[str, Any]) -> Iterator[str]:
    """Lines of the table: `id, execution, _time` and every key, a line for each metadata event. Raises Refused."""
    ids = body.get("ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(item, str) for item in ids) or len(ids) > MOST:
        raise field("ids", f"A list of at most {MOST} ids is needed.", "required")
    rows = [execution_of(state, user, item) for item in ids]
    return _lines(state.home.folder, rows, _keys(state.home.folder, rows))


def _keys(home: Path, rows: list[Execution]) -> list[str]:
    found: dict[str, None] = {"_time": None}
    for row in rows:
        for event in read_metadata(home / row.folder) if row.folder else ():
            found.update(dict.fromkeys(event))
    return list(found)


def _lines(home: Path, rows: list[Execution], keys: list[str]) -> Iterator[str]:
    line = io.StringIO()
    table = csv.writer(line)
    table.writerow([*_FACTS, *keys])
    for row in rows:
        for event in read_metadata(home / row.folder) if row.folder else ():
            table.writerow([row.id, row.counter, *(_cell(event.get(key)) for key in keys)])
            yield line.getvalue()
            line.seek(0)
            line.truncate()
    yield line.getvalue()


def _cell(value: Any) -> Any:
    return strict_json.dumps(value) if isinstance(value, (dict, list, bool)) else value
