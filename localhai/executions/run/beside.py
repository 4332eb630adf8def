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


class Beside(Generic[T]):
    """A question to the records that is asked again and again, each time on a thread of its own.

    `heard` is the last answer that says anything: what was wished once stays wished. `told`, if given, is called on
    such a thread after each answer of that kind.
    """

    def __init__(self, question: Callable[[], T | None], told: Callable[[], object] | None = None) -> None:
        self.heard: T | None = None
        self._question = question
        self._told = told
        self._asking: threading.Thread | None = None

    def ask(self) -> None:
        """Ask once, without waiting; does nothing while an earlier question still waits for its answer."""
        if self._asking is not None and self._asking.is_alive():
            return
        self._asking = threading.Thread(target=self._ask, name="localhai-question", daemon=True)
        self._asking.start()

    def _ask(self) -> None:
        with suppress(LocalhaiError):  # records that are away for a moment, or for good, end nothing that runs
            answer = self._question()
            if answer:
                self.heard = answer
                if self._told is not None:
                    self._told()


class NowAndThen:
    """Whether the records wish something, for loops that ask often: at most one question a second goes to them."""

    def __init__(self, question: Callable[[], bool]) -> None:
        self._beside = Beside(question)
        self._due = time.monotonic() + SLOW_LOOK

    def heard(self) -> bool:
        """What was wished once stays wished."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + SLOW_LOOK
            self._beside.ask()
        return bool(self._beside.heard)
