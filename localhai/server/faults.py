"""Faults of localhai itself: said in one line, and kept whole in `server/faults.log` of the home."""

from __future__ import annotations

import threading
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from localhai.system.credentials import masked_urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.server.state import State

LARGEST_LOG = 10 * 1024 * 1024


def keep(state: State, what: str, error: BaseException, *, then: str = "") -> None:
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
            keep(state, f"the thread {died.thread.name if died.thread else ''}".rstrip(), died.exc_value)

    threading.excepthook = heard
    try:
        yield
    finally:
        threading.excepthook = before
