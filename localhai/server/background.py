"""Threads of the server: long work for which a client waits until it is recorded, and what it cannot do without.

Faults of localhai itself are said in one line, and kept whole in `server/faults.log` of the home.
"""

from __future__ import annotations

import threading
import time
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from localhai.app import continuing
from localhai.errors import LocalhaiError
from localhai.executions.run.stop import Interruption
from localhai.server.errors import said
from localhai.system.credentials import masked_urls
from localhai.system.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localhai.records.queue import QueueEntry
    from localhai.server.state import State

LONGEST = 60.0  # seconds until it is recorded
LARGEST_LOG = 10 * 1024 * 1024  # bytes of faults.log
PAUSES = Retry(first=0.5, longest=30.0)


class Beginning:
    """One piece of work. `recorded` starts it and gives the id under which it is recorded, or raises what it raised.

    `work` gets what stops it, and a function that it calls with the id. What goes wrong later is said by the server.
    `entry`, whose id is that, stays in the queue while it runs: by it the next server goes on when this one dies.
    """

    def __init__(
        self,
        state: State,
        noun: str,
        work: Callable[[Interruption, Callable[[str], None]], object],
        entry: QueueEntry | None = None,
    ) -> None:
        self._state = state
        self._noun = noun
        self._work = work
        self._entry = entry
        self._changed = threading.Event()
        self._id: str | None = None
        self._error: BaseException | None = None

    def recorded(self) -> str:
        """The id. Raises Refused where it is not recorded in time; it goes on then."""
        interruption = Interruption()
        thread = threading.Thread(target=self._go, args=(interruption,), name=self._noun, daemon=True)
        self._state.queue.beside(thread, interruption)
        self._changed.wait(LONGEST)
        if self._id is not None:
            return self._id
        if self._error is not None:
            raise self._error
        raise said(503, f"the {self._noun} takes long to start; look for it in a minute", "unavailable")

    def _go(self, interruption: Interruption) -> None:
        try:
            self._work(interruption, self._heard)
        except BaseException as error:  # noqa: BLE001  # said to the client, or to whoever watches the server
            self._error = error
            if self._id is not None:
                self._state.say(f"{self._noun} {self._id}: {error}")
        finally:
            self._changed.set()
            if self._entry is not None and self._id is not None:
                continuing.forget(self._state.home, self._id)

    def _heard(self, recorded_id: str) -> None:
        if self._entry is not None:
            continuing.note(self._state.home, self._entry, recorded_id)
        self._id = recorded_id
        self._changed.set()


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
