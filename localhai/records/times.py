"""Times as the records hold and show them: ISO-8601, UTC, microseconds, `Z`. As text they sort by time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any


def now() -> datetime:
    """The clock of the records."""
    return datetime.now(timezone.utc)


def text(moment: datetime | str) -> str:
    """`2026-11-24T03:49:17.000000Z` from an aware datetime, or from any ISO-8601 text with a zone."""
    if isinstance(moment, str):
        moment = parse(moment)
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(moment: str) -> datetime:
    """The aware datetime of a stored time. Python 3.10 does not read `Z`."""
    return datetime.fromisoformat(moment.replace("Z", "+00:00"))


def duration(document: Mapping[str, Any], start: str | None, end: str | None) -> float | None:
    """Seconds from one to the other: as they were measured, where they were, else by the clock of those moments."""
    measured = document.get("duration")
    return float(measured) if end is not None and measured is not None else seconds_between(start, end)


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds, or None when one of the two has not come yet. Never negative: clocks may be set back."""
    if start is None or end is None:
        return None
    return max(0.0, (parse(end) - parse(start)).total_seconds())
