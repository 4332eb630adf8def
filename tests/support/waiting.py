"""Waiting for what a test is about: no pause is longer than it has to be, and none is endless."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 120.0  # seconds; a bound for what takes one or two on a machine that does nothing else
PAUSES = (0.01, 0.1)  # seconds, the first and the longest: what comes soon is seen soon, and nobody spins

T = TypeVar("T")


def until(look: Callable[[], T | None], *, seconds: float = PATIENCE, said: Callable[[], object] = lambda: "") -> T:
    """Whatever `look` gives once it is true; in vain, the test fails with what was `said`."""
    end = time.monotonic() + seconds
    pause, longest = PAUSES
    while not (found := look()):
        assert time.monotonic() < end, f"waited in vain for {seconds:g} s; {said()}"
        time.sleep(pause)
        pause = min(pause * 1.5, longest)
    return found
