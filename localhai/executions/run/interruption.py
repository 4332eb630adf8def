"""Signals become something that can be asked: the first asks to stop, the second to stop at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Interruption:
    """How urgently somebody wants everything to stop. Thread-safe; one may be shared by many executions."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.level = 0

    def ask(self) -> int:
        """Ask once more; gives the level: 1 stops politely, 2 and more by force."""
        self.level += 1
        self._event.set()
        return self.level

    @property
    def asked(self) -> bool:
        return self.level > 0

    @property
    def forced(self) -> bool:
        return self.level > 1

    def is_asked(self) -> bool:
        """`asked` as a function, for those who take a callable."""
        return self.level > 0


@contextlib.contextmanager
def signals_ask(interruption: Interruption, say: Callable[[int, int], None]) -> Iterator[None]:
    """While inside, SIGINT, SIGTERM and SIGHUP ask `interruption`; `say(signal, level)` tells the person at once.

    Only the main thread can do this; elsewhere it does nothing. Earlier handlers are restored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        level = interruption.ask()
        with contextlib.suppress(RuntimeError, OSError):  # it came in the midst of a write, or nobody is there to hear
            say(number, level)

    wanted = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    earlier = {}
    for number in wanted:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
            earlier[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def ctrl_c_asks(interruption: Interruption) -> Iterator[None]:
    """For programs that handle no signals: Ctrl-C asks `interruption`, and is raised when everything is closed.

    Only where it would be raised anyway: in the main thread, with Python's own handler.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        pressed.set()
        interruption.ask()

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if pressed.is_set():
            raise KeyboardInterrupt
