"""Bytes of a step on their way to a screen or a pipe."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

from localhai.cli import output
from localhai.executions.log.log import LineAssembler, displayed
from localhai.system.escaping import clipped, escaped

if TYPE_CHECKING:
    from typing import TextIO

REDRAW = 0.1  # seconds between two looks of a line that is not finished
_ERASE = "\r\x1b[K"


class StepStream(Protocol):
    """Where one stream of a step goes."""

    def write(self, data: bytes) -> None:
        """The next bytes."""

    def clear(self) -> None:
        """Somebody else is about to write to the same screen."""

    def end(self) -> None:
        """There are no more. Twice is fine."""


def make_stream(target: TextIO, name: str, *, exact: bool = False, colour: str | None = None) -> StepStream:
    """For a terminal lines with `name` before them; elsewhere the bytes, `exact` or with redrawn lines only once."""
    if output.is_terminal(target):
        return TerminalStream(target, name, colour)
    return ByteStream(target) if exact else SettledStream(target)


class ByteStream:
    """Every byte as it is. A reader that has gone ends nothing: the log has it all."""

    def __init__(self, target: TextIO) -> None:
        self._target = target
        self._gone = False

    def write(self, data: bytes) -> None:
        if self._gone:
            return
        try:
            self._target.flush()
            self._target.buffer.write(data)
            self._target.buffer.flush()
        except BrokenPipeError:
            self._gone = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._target.fileno())  # Python flushes once more at its exit

    def clear(self) -> None:
        """Nothing is redrawn here."""

    def end(self) -> None:
        """Nothing is held back here."""


class SettledStream(ByteStream):
    """As ByteStream, but of a line redrawn with carriage returns only the last state is written."""

    def __init__(self, target: TextIO) -> None:
        super().__init__(target)
        self._lines: LineAssembler | None = None

    def write(self, data: bytes) -> None:
        if self._lines is None:
            if b"\r" not in data:
                super().write(data)
                return
            before, newline, data = _split_last_line(data)
            super().write(before + newline)
            self._lines = LineAssembler()
        done = self._lines.feed(data)
        if done:
            super().write(b"".join(_settled(line) + b"\n" for line in done))

    def end(self) -> None:
        if self._lines is not None:
            for line in self._lines.end():
                super().write(_settled(line) + b"\n")
            self._lines = None


class TerminalStream:
    """Whole lines, each behind the step's name; the line that is being written is redrawn at its place."""

    def __init__(self, target: TextIO, name: str, colour: str | None) -> None:
        self._target = target
        self._prefix = output.style(f"{name} | ", target, fg=colour, dim=True) if name else ""
        self._name_width = len(name) + 3 if name else 0
        self._lines = LineAssembler()
        self._unfinished = bytearray()
        self._drawn = False
        self._last_draw = 0.0

    def write(self, data: bytes) -> None:
        done = self._lines.feed(data)
        if done:
            self.clear()
            self._target.write("".join(f"{self._prefix}{escaped(displayed(line))}\n" for line in done))
            self._unfinished.clear()
            data = data.rpartition(b"\n")[2]
        self._unfinished += data
        self._draw()
        self._target.flush()

    def clear(self) -> None:
        if self._drawn:
            self._target.write(_ERASE)
            self._target.flush()
            self._drawn = False

    def end(self) -> None:
        self.clear()
        for line in self._lines.end():
            self._target.write(f"{self._prefix}{escaped(displayed(line))}\n")
        self._unfinished.clear()
        self._target.flush()

    def _draw(self) -> None:
        """The unfinished line as far as it fits, seldom enough for a progress bar that is redrawn all the time."""
        now = time.monotonic()
        if not self._unfinished or now - self._last_draw < REDRAW:
            return
        if b"\r" in self._unfinished:
            del self._unfinished[: bytes(self._unfinished).rstrip(b"\r").rfind(b"\r") + 1]
        import shutil

        room = shutil.get_terminal_size().columns - self._name_width - 1
        text = escaped(displayed(bytes(self._unfinished[-16 * 1024 :])))
        self._target.write(f"{_ERASE}{self._prefix}{clipped(text, max(0, room))}")
        self._drawn = True
        self._last_draw = now


def _split_last_line(data: bytes) -> tuple[bytes, bytes, bytes]:
    """What stands before the first line with a carriage return, and the rest."""
    start = data.rfind(b"\n", 0, data.index(b"\r")) + 1
    return data[:start], b"", data[start:]


def _settled(line: bytes) -> bytes:
    return line.rstrip(b"\r").rpartition(b"\r")[2]
