"""Durations as people write them (platform.md 1.1): seconds, or `1h 30m 5s`, `1.5d`, `60 minutes`."""

from __future__ import annotations

import math
import re

from localhai.errors import UsageError

_BIT_RE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(value: float | str) -> float:
    """Seconds from a number of seconds or a text. Bare digits are seconds: here a mistake would cost more than a guess.

    Raises UsageError for what is not a duration or not more than zero.
    """
    found = _sum_of_bits(value) if isinstance(value, str) else float(value)
    if isinstance(value, bool) or found is None or not math.isfinite(found) or found <= 0:
        raise UsageError(
            f"{value!r} is not a duration", hints=["write seconds (90) or numbers with units (1h 30m; s, m, h, d or w)"]
        )
    return found


def _sum_of_bits(text: str) -> float | None:
    text = text.strip()
    total, end = 0.0, 0
    while end < len(text):
        match = _BIT_RE.match(text, end)
        if match is None:
            return None
        number, unit = match.groups()
        if not unit and match.group(0) != text:
            return None
        factor = _UNITS.get(unit[:1].lower()) if unit else 1
        if factor is None:
            return None
        total, end = total + float(number) * factor, match.end()
    return total
