"""Signals that ask to stop: heard at any moment, each one told, none in the way of what is being written."""

from __future__ import annotations

import io
import os
import signal
import threading
from typing import Any

import pytest

from localhai.executions.run.stop import Interruption, signals_ask


@pytest.fixture(autouse=True)
def _handler_of_our_own() -> Any:
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    yield
    signal.signal(signal.SIGINT, earlier)


class SignalledWhileWritten(io.RawIOBase):
    """A terminal that is interrupted once in the midst of each of the first two writes."""

    def __init__(self) -> None:
        self.seen = b""
        self._signals = 2

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._signals:
            self._signals -= 1
            signal.raise_signal(signal.SIGINT)
        self.seen += bytes(data)
        return len(data)


def test_the_words_of_a_signal_that_comes_in_the_midst_of_a_write_are_said_after_it() -> None:
    raw = SignalledWhileWritten()
    terminal = io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=True)
    interruption = Interruption()

    with signals_ask(interruption, lambda _number, level: terminal.write(f"asked {level}\n")):
        terminal.write("a line\n")
        terminal.write("another\n")

    assert (interruption.asked, interruption.forced) == (True, True)
    lines = raw.seen.decode().splitlines()
    assert sorted(lines) == ["a line", "another", "asked 1", "asked 2"]
    assert lines.index("asked 1") < lines.index("asked 2")


def test_signals_are_told_in_their_order_each_with_its_level() -> None:
    told: list[tuple[int, int]] = []
    interruption = Interruption()

    with signals_ask(interruption, lambda number, level: told.append((number, level))):
        signal.raise_signal(signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)

    assert told == [(signal.SIGINT, 1), (signal.SIGTERM, 2), (signal.SIGINT, 3)]


def test_a_reader_who_has_gone_keeps_no_signal_from_being_heard() -> None:
    def gone(_number: int, _level: int) -> None:
        raise BrokenPipeError

    interruption = Interruption()

    with signals_ask(interruption, gone):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    assert interruption.forced


def test_what_is_ignored_stays_ignored_and_handlers_come_back() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    before = signal.getsignal(signal.SIGTERM)
    interruption = Interruption()

    with signals_ask(interruption, lambda *_: None):
        signal.raise_signal(signal.SIGINT)

    assert not interruption.asked
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == (signal.SIG_IGN, before)


def test_beside_the_main_thread_nothing_is_handled() -> None:
    inside: list[Any] = []

    def work() -> None:
        with signals_ask(Interruption(), lambda *_: None):
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert inside == [signal.getsignal(signal.SIGINT)]
