"""What other localhais left, and what threads of this server dropped: looked after as long as the server lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.app.recover import recover
from localhai.errors import LocalhaiError
from localhai.server.supervised import Supervised

if TYPE_CHECKING:
    from localhai.server.state import State

LOOK = 5.0  # seconds between two looks


class Recovering:
    """A thread that looks again and again. `start` begins, `close` ends; both once."""

    def __init__(self, state: State, *, pause: float = LOOK) -> None:
        self._state = state
        self._pause = pause
        self.thread = Supervised(state, "recovery", self._round)
        self._said: frozenset[str] = frozenset()

    def start(self) -> None:
        """Begin to look."""
        self.thread.start()

    def close(self) -> None:
        """Wait for the look that is under way, if any; no more come."""
        self.thread.end()
        self.thread.join()

    def _round(self) -> None:
        if not self.thread.ending.wait(self._pause):
            self.look()

    def look(self) -> None:
        """Look once. Whatever goes wrong is said, and the next look comes all the same."""
        heard: list[str] = []
        try:
            recover(self._state.home, heard.append)
        except LocalhaiError as error:
            heard.append(f"what was left behind cannot be looked for: {error}")
        except Exception as error:  # noqa: BLE001  # this thread may not end before the server does
            heard.append(f"what was left behind cannot be looked for: {type(error).__name__}: {error}")
        for text in heard:
            if text not in self._said:  # what stays as it is is said once, not at every look
                self._state.say(text)
        self._said = frozenset(heard)
