"""How a container is stopped, for whoever asks: politely and again until the engine hears it, then by force.

The engine may be slow, or away for a while: everything here runs beside whoever watches, on threads of its own, and the
grace time is measured by our own clock.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.containers.engine import Engine

AGAIN = 1.0  # seconds until an engine that refused is asked again
LATER = 5.0  # seconds after the grace time in which a stop that was heard may still come to its end
INSIST = 5.0  # seconds between kills


class Stopping:
    """The stop of one container. `look` goes on with it and is called often; `over` ends it."""

    def __init__(self, engine: Engine, container: str, say: Callable[[str], None]) -> None:
        self._engine = engine
        self._container = container
        self._say = say
        self._said: set[str] = set()
        self._over = threading.Event()
        self._kill_due: float | None = None
        self._killing: threading.Thread | None = None

    def begin(self, grace: float) -> threading.Thread:
        """Ask it to end: SIGTERM to each of its processes, SIGKILL after `grace` seconds. The thread ends with it."""
        now = time.monotonic()
        self._kill_due = min(self._kill_due or now + grace + LATER, now + grace + LATER)
        return self._start(lambda: self._stop(now + grace))

    def force(self) -> None:
        """Kill it, as soon as the engine hears it."""
        self._kill_due = time.monotonic()
        self.look()

    def look(self) -> None:
        """Kill what should have ended by now, again until it has."""
        now = time.monotonic()
        is_due = self._kill_due is not None and now >= self._kill_due
        if is_due and (self._killing is None or not self._killing.is_alive()):
            self._kill_due = now + INSIST
            self._killing = self._start(lambda: self._engine.kill(self._container))

    def over(self) -> None:
        """It has ended, or somebody else looks after it from now on."""
        self._over.set()

    def _stop(self, deadline: float) -> None:
        while not self._over.is_set() and not self._has_stopped(max(0.0, deadline - time.monotonic())):
            self._over.wait(AGAIN)

    def _has_stopped(self, grace: float) -> bool:
        try:
            self._engine.stop(self._container, grace)
        except LocalhaiError as error:
            self._tell(error)
            return False
        return True

    def _start(self, act: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                act()
            except LocalhaiError as error:
                self._tell(error)

        thread = threading.Thread(target=run, name="localhai-stop", daemon=True)
        thread.start()
        return thread

    def _tell(self, error: LocalhaiError) -> None:
        if error.message not in self._said and not self._over.is_set():
            self._said.add(error.message)
            self._say(f"The container could not be stopped yet: {error}")
