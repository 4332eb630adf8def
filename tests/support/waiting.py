"""Waiting for what a test is about: no pause is longer than it has to be, and none is endless."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 90.0  # seconds; a bound for what takes one or two on a machine that does nothing else
PAUSE = 0.01

T = TypeVar("T")


def until(
    look: Callable[[], T | None],
    *,
    seconds: float = PATIENCE,
    pause: float = PAUSE,
    said: Callable[[], object] = lambda: "",
) -> T:
    """Whatever `look` gives once it is true; in vain, the test fails with what was `said`."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"waited in vain for {seconds:g} s; {said()}"
        time.sleep(pause)
    return found
