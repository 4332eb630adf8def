"""Files of lines that somebody else may be writing, read on from where one stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PIECE = 1 << 20


def whole_lines(path: Path, start: int) -> Iterator[bytes]:
    """The lines from a byte on that have ended, many at once, each with its end. Raises FileNotFoundError."""
    rest = b""
    with path.open("rb") as file:
        file.seek(start)
        while piece := file.read(_PIECE):
            end = piece.rfind(b"\n") + 1
            if not end:  # a line that is longer than a piece
                rest += piece
                continue
            yield rest + piece[:end]
            rest = piece[end:]
