"""Sizes, durations, moments and places as people read them. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from localhai.system import strict_json
from localhai.system.text import human_size

if TYPE_CHECKING:
    from collections.abc import Iterable

_MINUTE = 60
_HOUR = 3600
_WIDEST_VALUE = 60


def size(count: float | None) -> str:
    """Bytes in decimal units, as the log writes them: 28.9 kB."""
    return "" if count is None else human_size(count)


def duration(seconds: float | None) -> str:
    """0.5 s, 12.3 s, 3 min 05 s, 2 h 07 min."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def moment(text: str | None) -> str:
    """A stored time in local time, to the second."""
    if not text:
        return ""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def number(value: Any) -> str:
    """A metadata value: floats to six digits, anything long cut."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else strict_json.dumps(value, ascii=False)
    return text if len(text) <= _WIDEST_VALUE else text[: _WIDEST_VALUE - 1] + "…"


def commit(identifier: str | None) -> str:
    """The beginning of a commit's identifier, enough to know it by."""
    return (identifier or "")[:13]


def value(given: Any) -> str:
    """A parameter's value as it is, on one line and not cut."""
    if isinstance(given, str):
        return given if "\n" not in given else repr(given)
    return strict_json.dumps(given, ascii=False)


def folders(found: Iterable[dict[str, Any]]) -> list[str]:
    """The folders that outputs are in, of this machine or of the store."""
    return sorted({place(item).removesuffix(item["name"]) for item in found if not item.get("purged")})


def place(item: dict[str, Any]) -> str:
    """Where an output is: its file of this machine, else its address in the store."""
    return str(item["path"] or item["uri"])
