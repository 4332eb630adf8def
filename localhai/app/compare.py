"""Executions side by side: facts, parameters, inputs, variables, metrics and outputs, and which of them differ.

The same values as `localhai diff` and `execution summarize` show, of any number of executions (page.md 7.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.app.table import shown
from localhai.executions.inspect.diff import FACTS, shown_variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from localhai.executions.home import Home
    from localhai.records import DatumRecord, ExecutionRecord

MOST_ROWS = 2000  # of a group
_NAMES = ("id", "counter", "project", "step", "status", "title")
_FACTS = ("status", *FACTS, "commit", "exit_code", "duration", "created")


def compare(home: Home, records: Sequence[ExecutionRecord]) -> dict[str, Any]:
    """`{executions, rows: [{group, name, values, differs}], left_out}`; a null value: that one has none.

    Rows are in the order in which they first come; what is beyond MOST_ROWS of a group is counted in `left_out`.
    """
    shapes = [record.to_dict() for record in records]
    outputs = _outputs(home, records)
    groups = {
        "facts": [{name: shape[name] for name in _FACTS} for shape in shapes],
        "parameters": [shape["parameters"] for shape in shapes],
        "inputs": [{item["name"]: _checksums(item["files"]) for item in shape["inputs"]} for shape in shapes],
        "environment_variables": [
            {name: shown_variable(value) for name, value in shape["environment_variables"].items()} for shape in shapes
        ],
        "metrics": [shape["metadata"] for shape in shapes],
        "outputs": [{item.name: item.sha256 for item in outputs.get(record.id, ())} for record in records],
    }
    rows: list[dict[str, Any]] = []
    left_out = 0
    for group, columns in groups.items():
        names = list(dict.fromkeys(name for column in columns for name in column))
        left_out += max(0, len(names) - MOST_ROWS)
        rows += [_row(group, name, columns, shapes) for name in names[:MOST_ROWS]]
    return {
        "executions": [{name: shape[name] for name in _NAMES} for shape in shapes],
        "rows": rows,
        "left_out": left_out,
    }


def _row(
    group: str, name: str, columns: Sequence[Mapping[str, Any]], shapes: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    values = [column.get(name) for column in columns]
    known = values
    if group == "environment_variables":  # of a secret nobody can tell whether it is another
        known = [
            value
            for value, shape in zip(values, shapes, strict=True)
            if shape["environment_variables"].get(name, "") is not None
        ]
    differs = any(value != known[0] for value in known)
    cells = values if group == "inputs" else [shown(value) for value in values]
    return {"group": group, "name": name, "values": cells, "differs": differs}


def _checksums(files: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {file["name"]: file["sha256"] for file in files}


def _outputs(home: Home, records: Sequence[ExecutionRecord]) -> dict[str, list[DatumRecord]]:
    found: dict[str, list[DatumRecord]] = {}
    for datum in home.records.data.of_executions([record.id for record in records]):
        found.setdefault(datum.execution_id or "", []).append(datum)
    return found
