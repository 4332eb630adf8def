"""One policy of retries for everything outside: web servers, object stores, registries.

`Attempts` decides, and asks nobody; `Waiter` waits, says so, and hears a stop; `call` puts the two around an action.
What cannot be broken off is `abandonable`: who wants to stop leaves it behind.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct

from localhai.errors import Interrupted

T = TypeVar("T")

# HTTP's answers that pass by themselves: what a server says when it is busy, starting, or behind something that is.
TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_DOUBLINGS = 100  # beyond every pause, and within what a float can hold
LOOK = 0.1  # seconds between looks at whether somebody wants to stop


class Retry(Struct, frozen=True):
    """How long to go on with what fails for a while, and how to wait.

    `attempts` in a row without any progress, within `patience` seconds. The first pause is `first` seconds, doubled
    each time up to `longest`. Pauses that the other side asks for do not use up the patience, up to `asked` seconds in
    all: who asks for more is not waited for. `spread` is the part of a pause that chance decides, so that many clients
    do not come back at once.
    """

    attempts: int = 12
    first: float = 0.3
    longest: float = 10.0
    patience: float = 30.0
    asked: float = 300.0
    spread: float = 0.25

    def delay(self, failures: int) -> float:
        """Seconds before the next try."""
        pause = min(self.longest, self.first * 2.0 ** min(failures - 1, _DOUBLINGS))
        if not self.spread:
            return pause
        import random  # who does not fail does not need it

        return pause * random.uniform(1 - self.spread, 1 + self.spread)  # noqa: S311 - no secret


ONCE = Retry(attempts=1)


class Trouble(Struct, frozen=True):
    """A failure that may pass: `reason` in plain words, and the pause in seconds that the other side asked for."""

    reason: str
    asked: float = 0.0


class Attempts:
    """The failures of one thing in a row. `again` decides; `progress` begins a new row."""

    def __init__(self, policy: Retry, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures = 0
        self._policy = policy
        self._clock = clock
        self._began = clock()
        self._asked = 0.0

    def progress(self) -> None:
        """Something came: what fails next is the first failure of a new row."""
        self.failures, self._began, self._asked = 0, self._clock(), 0.0

    @property
    def spent(self) -> float:
        """Seconds since the row began."""
        return self._clock() - self._began

    def again(self, asked: float = 0.0) -> float | None:
        """It failed once more. Seconds to wait before the next try, None when it is to be given up."""
        policy = self._policy
        self.failures += 1
        self._asked += asked
        wait = max(policy.delay(self.failures), asked)
        spent = self.spent + wait - self._asked
        if self.failures >= policy.attempts or self._asked > policy.asked or spent > policy.patience:
            return None
        return wait


def never() -> bool:
    """`cancelled` for those who do not stop."""
    return False


class Waiter(Struct, frozen=True):
    """How to wait. `tell` hears why and for how long; `cancelled` is asked often, from the thread that waits."""

    tell: Callable[[str], None] = lambda _text: None
    cancelled: Callable[[], bool] = never

    def wait(self, seconds: float, reason: str) -> None:
        """Say it and wait. Raises Interrupted as soon as somebody wants to stop."""
        self.tell(f"{reason}; trying again in {seconds:.{0 if seconds >= 1 else 1}f} s")
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.cancelled():
                raise Interrupted(f"stopped while waiting: {reason}")
            time.sleep(min(LOOK, left))


QUIETLY = Waiter()


def call(
    action: Callable[[], T],
    trouble: Callable[[Exception], Trouble | None],
    *,
    policy: Retry,
    waiter: Waiter,
    gave_up: Callable[[Exception, Trouble, int], Exception],
    aside: str = "",
) -> T:
    """Do `action`, again and again while it fails with what may pass.

    `trouble` says what an exception means; None lets it through. At the end of all patience the exception that
    `gave_up` makes of the last one, its meaning and the number of tries is raised. `aside`: each try is `abandonable`,
    and this says what was done. Raises Interrupted.
    """
    attempts = Attempts(policy)
    while True:
        try:
            return abandonable(action, waiter.cancelled, aside) if aside else action()
        except Exception as error:
            seen = trouble(error)
            if seen is None:
                raise
            wait = attempts.again(seen.asked)
            if wait is None:
                raise gave_up(error, seen, attempts.failures) from error
        waiter.wait(wait, seen.reason)


def retry_after(value: str | None, *, now: float | None = None) -> float:
    """The seconds that a Retry-After header asks for, in seconds or as a date of HTTP; 0 when it says nothing."""
    from email.utils import parsedate_to_datetime  # few servers ask for a pause

    text = (value or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - (time.time() if now is None else now))
    except (ValueError, TypeError, IndexError):
        return 0.0


def abandonable(action: Callable[[], T], cancelled: Callable[[], bool], what: str) -> T:
    """What `action` comes to, done on a thread of its own, so that a server's silence keeps nobody waiting.

    Raises what it raises, and Interrupted as soon as `cancelled` says so: the thread is left behind then, and what it
    comes to is forgotten. `action` should hear `cancelled` too where it can.
    """
    call = _Call(action)
    threading.Thread(target=call.go, name="localhai-call", daemon=True).start()
    while not call.over.wait(LOOK):
        if cancelled():
            raise Interrupted(f"stopped while {what}")
    if call.error is not None:
        raise call.error
    return call.results[0]


class _Call(Generic[T]):
    def __init__(self, action: Callable[[], T]) -> None:
        self.over = threading.Event()
        self.results: list[T] = []
        self.error: BaseException | None = None
        self._action = action

    def go(self) -> None:
        try:
            self.results.append(self._action())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            self.error = error
        finally:
            self.over.set()
