"""Threads of the server that it cannot do without.

Faults of localhai itself are said in one line, and kept whole in `server/faults.log` of the home.
"""

from __future__ import annotations

import threading
import time
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from localhai.errors import LocalhaiError
from localhai.system.credentials import masked_urls
from localhai.system.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localhai.server.state import State

LARGEST_LOG = 10 * 1024 * 1024  # bytes of faults.log
PAUSES = Retry(first=0.5, longest=30.0)


class Supervised:
    """Does `work` round after round, until `end`. `start` begins, `join` waits for the last round; both once.

    A round that raises is said, once for each kind of trouble in a row, and the next one comes after a growing pause.
    One that takes more than `longest` seconds is stuck; None: it may take as long as it likes.
    """

    def __init__(
        self,
        state: State,
        name: str,
        work: Callable[[], None],
        *,
        pauses: Retry = PAUSES,
        longest: float | None = None,
    ) -> None:
        self.name = name
        self.longest = longest
        self.ending = threading.Event()
        self._state = state
        self._work = work
        self._pauses = pauses
        self._thread = threading.Thread(target=self._go, name=f"localhai-{name}", daemon=True)
        self._done: float | None = None
        self._failures = 0
        self._said = ""
        state.watched[name] = self

    @property
    def begun(self) -> bool:
        """Whether it was started."""
        return self._thread.ident is not None

    @property
    def failures(self) -> int:
        """How many of its last rounds in a row raised."""
        return self._failures

    def age(self) -> float | None:
        """Seconds since a round last ended well; None when it was not started."""
        return None if self._done is None else time.monotonic() - self._done

    def start(self) -> None:
        """Begin with the first round."""
        self._done = time.monotonic()
        self._thread.start()

    def end(self) -> None:
        """No more rounds."""
        self.ending.set()

    def join(self) -> None:
        """Wait for the round that is under way. Call `end` first."""
        if self.begun:
            self._thread.join()

    def _go(self) -> None:
        while not self.ending.is_set():
            self._round()

    def _round(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  # whatever it is, the server cannot do without this thread
            self._failures += 1
            self._say(error)
            self.ending.wait(self._pauses.delay(self._failures))
        else:
            self._done, self._failures, self._said = time.monotonic(), 0, ""

    def _say(self, error: Exception) -> None:
        """What stays as it is is said once, not at every round."""
        said = f"{type(error).__name__}: {error}"
        if said == self._said:
            return
        self._said = said
        if isinstance(error, LocalhaiError):
            self._state.say(f"the server's {self.name} is tried again: {error}")
        else:
            keep_fault(self._state, f"the server's {self.name}", error, then="; it is tried again")


def keep_fault(state: State, what: str, error: BaseException, *, then: str = "") -> None:
    """Keep it with its traceback, and say that `what` failed and what happens `then`."""
    log = state.home.folder / "server" / "faults.log"
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    with suppress(OSError):
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        small = not log.exists() or log.stat().st_size < LARGEST_LOG
        with log.open("a" if small else "w", encoding="utf-8", errors="replace") as file:
            file.write(masked_urls(f"{what}\n{text}\n"))
    state.say(f"{what} failed: {type(error).__name__}; see {log}{then}")


@contextmanager
def of_threads(state: State) -> Iterator[None]:
    """While the block lasts, no thread of this process dies in silence."""
    before = threading.excepthook

    def heard(died: threading.ExceptHookArgs) -> None:
        if died.exc_value is not None and not isinstance(died.exc_value, SystemExit):
            keep_fault(state, f"the thread {died.thread.name if died.thread else ''}".rstrip(), died.exc_value)

    threading.excepthook = heard
    try:
        yield
    finally:
        threading.excepthook = before
