"""What localhai itself says: facts to stdout, everything else to stderr. Colour only where it is wanted."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from localhai.system import strict_json
from localhai.system.escaping import escaped
from localhai.system.text import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import TextIO

NAME = "localhai"
STATUS_COLOURS: Mapping[str, str] = {
    "complete": "green",
    "error": "red",
    "crashed": "red",
    "stopped": "yellow",
    "stopping": "yellow",
    "started": "blue",
    "queued": "blue",
    "created": "blue",
}


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at it, who can be shown colours and redrawn lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def is_coloured(stream: TextIO) -> bool:
    """A terminal, unless NO_COLOR is set to anything (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def style(text: str, stream: TextIO, *, fg: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """`text` in colour if the stream has any."""
    return click.style(text, fg=fg, bold=bold or None, dim=dim or None) if is_coloured(stream) else text


def write(stream: TextIO, text: str) -> None:
    """`text` as it is, bytes of paths legible; on a terminal without anything that one would obey, but for colours."""
    text = clean(text)
    stream.write(escaped(text) if is_terminal(stream) else text)


def emit(text: str) -> None:
    """A fact, to stdout."""
    write(sys.stdout, text + "\n")


def emit_json(document: Any) -> None:
    """The one JSON document of a call, to stdout."""
    write(sys.stdout, strict_json.dumps(document, indent=2, ascii=False) + "\n")


def say(text: str) -> None:
    """A line of localhai's own, to stderr."""
    sys.stdout.flush()
    write(sys.stderr, f"{style(f'{NAME}:', sys.stderr, fg='cyan')} {text}\n")
    sys.stderr.flush()


def say_all(texts: Iterable[str]) -> None:
    """Several lines."""
    for text in texts:
        say(text)


def hint(text: str) -> None:
    """What could be done next, to stderr."""
    indented = "  " + text.replace("\n", "\n  ")
    write(sys.stderr, style(indented, sys.stderr, dim=True) + "\n")


def status_word(status: str, stream: TextIO) -> str:
    """A status in its colour."""
    return style(status, stream, fg=STATUS_COLOURS.get(status), bold=True)


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
