"""Our stdout and stderr outlive their terminal: what is written after it was closed goes nowhere, and ends nothing."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import TextIO

HUNG_UP = frozenset({errno.EIO, errno.ENXIO, errno.ENOTCONN})  # of a terminal that was closed
NOBODY_READS = HUNG_UP | {errno.EPIPE}


class Enduring(io.FileIO):
    """A descriptor that becomes /dev/null once a write fails; of these reasons nobody hears, of others once."""

    def __init__(self, number: int, gone: Collection[int]) -> None:
        super().__init__(number, "wb", closefd=False)
        self._gone = gone

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            os.dup2(nowhere, self.fileno(), inheritable=False)
            os.close(nowhere)
            if error.errno not in self._gone:
                raise
            return len(data)


def endure() -> None:
    """From now on no closed terminal, and nobody who stops reading our words, is heard of.

    Whoever reads facts from stdout and goes, as `head` does, is: a command that only prints can end then.
    """
    for name, gone in (("stdout", HUNG_UP), ("stderr", NOBODY_READS)):
        stream = getattr(sys, name)
        if stream is None:  # closed before we began (`>&-`): what is said goes nowhere
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # open as long as we run
        elif isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _enduring(stream, gone))


def _enduring(stream: io.TextIOWrapper, gone: Collection[int]) -> TextIO:
    with suppress(OSError, ValueError):
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(Enduring(stream.fileno(), gone)),
        encoding=stream.encoding,
        errors="backslashreplace",  # a terminal's encoding never stops us
        line_buffering=stream.line_buffering or stream.write_through,  # PYTHONUNBUFFERED, as images of CI set it
        write_through=stream.write_through,
    )
