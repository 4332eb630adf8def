"""A sweep that is typed instead of written into valohai.yaml: `--grid lr=0.1,0.01 --grid dropout=0.1:0.5:0.1`. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.system.text import clean, clean_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_number_re = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
Typed = tuple[str, str, dict[str, Any]]

_GRID_HINT = "as --grid lr=0.1,0.01, or --grid lr=0.1:0.5:0.1 for start:end:step"
_RANDOM_HINT = "as --random lr=0.001:0.1 for any number between, --random lr=0.001:0.1:log, or --random kind=a,b,c"
_LONGEST_RANGE = 3


def grid(texts: Iterable[str]) -> list[Typed]:
    """Each `NAME=a,b,c` as style multiple, `NAME=start:end[:step]` of numbers as linear. Raises UsageError."""
    return [_grid(*_parts(text, "--grid", _GRID_HINT)) for text in texts]


def draws(texts: Iterable[str]) -> list[Typed]:
    """Each `NAME=min:max[:log]` as style random, `NAME=a,b,c` as one of these. Raises UsageError."""
    return [_draw(*_parts(text, "--random", _RANDOM_HINT)) for text in texts]


def parameter_sets(rows: Any, where: str) -> list[Mapping[str, Any]]:
    """The sets of a `--manual` file: a list of mappings; of CSV, empty cells are left out. Raises UsageError."""
    if not isinstance(rows, list) or not all(isinstance(entry, dict) for entry in rows):
        raise UsageError(
            f"{where} holds no list of parameter sets",
            where=where,
            hints=['JSON or YAML: [{"lr": 0.1, "epochs": 5}, {"lr": 0.01, "epochs": 20}]', "or CSV with a header line"],
        )
    found = [
        {str(key): value for key, value in entry.items() if value is not None and value != ""}
        for entry in clean_value(rows)
    ]
    return [entry for entry in found if entry]


def _parts(text: str, option: str, hint: str) -> tuple[str, str]:
    name, equals, values = clean(text).partition("=")
    if not equals or not name.strip() or not values.strip():
        raise UsageError(f"{option} {text!r} is not NAME=VALUES", hints=[hint])
    return name.strip().lstrip("-"), values


def _grid(name: str, values: str) -> Typed:
    numbers = _range(values)
    if numbers is not None and len(numbers) <= _LONGEST_RANGE:
        return name, "linear", dict(zip(("start", "end", "step"), numbers, strict=False))
    return name, "multiple", {"items": values.split(",")}


def _draw(name: str, values: str) -> Typed:
    is_log = values.endswith(":log")
    numbers = _range(values.removesuffix(":log"))
    if numbers is not None and len(numbers) == 2:  # noqa: PLR2004  # min and max
        distribution = "loguniform" if is_log else "uniform"
        return name, "random", {"min": numbers[0], "max": numbers[1], "distribution": distribution}
    return name, "multiple", {"items": values.split(",")}


def _range(values: str) -> list[float] | None:
    """Numbers between colons; None for anything else, such as a URI or a time of day with a letter."""
    parts = values.split(":")
    if len(parts) == 1 or not all(_number_re.fullmatch(part) for part in parts):
        return None
    return [int(part) if part.lstrip("+-").isdecimal() else float(part) for part in parts]
