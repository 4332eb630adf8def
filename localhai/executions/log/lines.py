"""Bytes in any pieces become lines. No line is too long, nothing is copied twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class LineAssembler:
    """Joins the pieces of one stream into lines without their newline. A carriage return does not end a line."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes."""
        lines = data.split(b"\n")
        if len(lines) == 1:
            if data:
                self._pending.append(data)
            return []
        if self._pending:
            self._pending.append(lines[0])
            lines[0] = b"".join(self._pending)
            self._pending = []
        rest = lines.pop()
        if rest:
            self._pending.append(rest)
        return lines

    def end(self) -> Iterable[bytes]:
        """The last line, if the stream ended without a newline."""
        if self._pending:
            yield b"".join(self._pending)
            self._pending = []


def displayed(line: bytes) -> str:
    """A line as a terminal would have left it: of a progress bar redrawn with carriage returns, the last state."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    return text.rsplit("\r", 1)[-1]
