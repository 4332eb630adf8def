"""Asking the records beside the watching of what runs: records that are slow, or away, must not delay it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

SLOW_LOOK = 1.0  # seconds between looks at the records


class Pace:
    """Whether it is time once more, for loops that go round often: each `seconds`, the first time after as many."""

    def __init__(self, seconds: float | None = None, *, at_once: bool = False) -> None:
        self._seconds = SLOW_LOOK if seconds is None else seconds
        self._due = 0.0 if at_once else time.monotonic() + self._seconds

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = now + self._seconds
        return True


class Beside(Generic[T]):
    """A question to the records that is asked again and again, each time on a thread of its own.

    `heard` is the last answer that says anything: what was wished once stays wished. `told`, if given, is called on
    such a thread after each answer of that kind.
    """

    def __init__(
        self,
        question: Callable[[], T | None],
        told: Callable[[], object] | None = None,
        *,
        seconds: float | None = None,
        at_once: bool = False,
    ) -> None:
        self.heard: T | None = None
        self._question = question
        self._told = told
        self._pace = Pace(seconds, at_once=at_once)
        self._asking: threading.Thread | None = None

    def look(self) -> T | None:
        """What was heard. Asks on when it is time and no earlier question waits for its answer; never waits itself."""
        if self._pace.is_due() and (self._asking is None or not self._asking.is_alive()):
            self._asking = threading.Thread(target=self._ask, name="localhai-question", daemon=True)
            self._asking.start()
        return self.heard

    def _ask(self) -> None:
        with suppress(LocalhaiError):  # records that are away for a moment, or for good, end nothing that runs
            answer = self._question()
            if answer:
                self.heard = answer
                if self._told is not None:
                    self._told()
