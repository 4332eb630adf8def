"""Ids: UUIDs that sort by the time they were made (the layout of UUID version 7)."""

from __future__ import annotations

import os
import threading
import time

_RANDOM_BITS = 74  # 12 after the version, 62 after the variant
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1
_STEP_MASK = (1 << 62) - 1  # ids of one millisecond stand far apart, so that their beginnings tell them apart


class IdMaker:
    """Makes ids that grow within this process, even when the clock stands still or goes back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        milliseconds = time.time_ns() // 1_000_000
        with self._lock:
            random = int.from_bytes(os.urandom(10), "big") & _RANDOM_MASK
            number = milliseconds << _RANDOM_BITS | random
            if milliseconds <= self._last >> _RANDOM_BITS:
                number = self._last + 1 + (random & _STEP_MASK)
            self._last = number
        return _uuid(number)

    def seen(self, number: int) -> None:
        """What is made from now on is greater than this one."""
        with self._lock:
            self._last = max(self._last, number)


def _uuid(number: int) -> str:
    """The text of a UUID from 48 bits of milliseconds and 74 random bits."""
    value = (number >> _RANDOM_BITS & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (number >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | number & (1 << 62) - 1
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _number(text: str) -> int | None:
    """The other way round; None for what was not made here."""
    digits = text.replace("-", "")
    if len(digits) != 32 or digits[12] != "7":  # noqa: PLR2004  # hexadecimal digits of a UUID
        return None
    try:
        value = int(digits, 16)
    except ValueError:
        return None
    return value >> 80 << _RANDOM_BITS | (value >> 64 & 0xFFF) << 62 | value & _STEP_MASK


_make = IdMaker()


def _start_anew() -> None:
    global _make  # noqa: PLW0603 - a forked child that counted on from its parent's last id would make its ids twice
    _make = IdMaker()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


def new_id() -> str:
    """A new id, 36 characters, greater than every id made before by this process."""
    return _make()


def seen(known: str) -> None:
    """Ids that this process makes from now on sort after this one, also where the clock was set back since."""
    number = _number(known)
    if number is not None:
        _make.seen(number)
