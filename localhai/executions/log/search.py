"""Searching a log: the numbers of the lines that match. Texts are looked for here, regular expressions elsewhere.

A regular expression can take for ever and cannot be interrupted, so it runs in a process of its own that is killed.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.errors import UsageError
from localhai.executions.log import matching
from localhai.executions.log.index import LOG
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MOST = 100_000  # matching lines whose numbers are known
LONGEST = 1000  # characters of what is looked for
SECONDS = 5.0  # for a regular expression
_AT_ONCE = 2  # regular expressions that run at once
_PIECE = 1 << 20
_KEPT = 16  # searches whose matches are remembered
_turns = threading.BoundedSemaphore(_AT_ONCE)


class LogSearch(Struct, frozen=True):
    """What is looked for; without `case` ASCII letters of both cases are the same."""

    text: str
    regex: bool = False
    case: bool = False


class Matches(Struct, frozen=True):
    """The numbers of the first lines that match, and of how many in all."""

    lines: array[int]
    count: int

    @classmethod
    def none(cls) -> Matches:
        """Where nothing was written."""
        return cls(array("I"), 0)

    def after(self, line: int, number: int) -> dict[str, object]:
        """`{matches, count, more}` (page.md 5.2)."""
        start = bisect_right(self.lines, line)
        found = self.lines[start : start + number]
        more = start + number < len(self.lines) or self.count > len(self.lines)
        return {"matches": found.tolist(), "count": self.count, "more": more}


_known: OrderedDict[tuple[str, int, LogSearch], Matches] = OrderedDict()
_lock = threading.Lock()


def search(folder: Path, wanted: LogSearch) -> Matches:
    """In the log of an execution, which may grow meanwhile. Raises UsageError for what cannot be looked for."""
    if not wanted.text or len(wanted.text) > LONGEST or "\n" in wanted.text:
        raise UsageError(f"a text of one line and at most {LONGEST} characters can be looked for")
    try:
        size = (folder / LOG).stat().st_size
    except FileNotFoundError:
        return Matches.none()
    key = (str(folder), size, wanted)
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return _known[key]
    found = _by_expression(folder / LOG, wanted, size) if wanted.regex else _by_text(folder / LOG, wanted, size)
    with _lock:
        _known[key] = found
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    return found


def _by_text(log: Path, wanted: LogSearch, size: int) -> Matches:
    needle = wanted.text.encode("utf-8", "replace")
    needle = needle if wanted.case else needle.lower()
    lines, count, number = array("I"), 0, 1
    with log.open("rb") as file:
        for data in _pieces(file, size):
            looked = data if wanted.case else data.lower()
            at, line = 0, number
            found = looked.find(needle)
            while found >= 0:
                line += looked.count(b"\n", at, found)
                count += 1
                if count <= MOST:
                    lines.append(line)
                at = looked.find(b"\n", found)
                found = looked.find(needle, at) if at >= 0 else -1
            number += looked.count(b"\n")
    return Matches(lines, count)


def _pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Whole lines, up to a size: what comes later is not looked at."""
    rest = b""
    while size > 0 and (piece := file.read(min(_PIECE, size))):
        size -= len(piece)
        whole = piece.rfind(b"\n") + 1
        if whole:
            yield rest + piece[:whole]
            rest = piece[whole:]
        else:
            rest += piece
    if rest:
        yield rest


def _by_expression(log: Path, wanted: LogSearch, size: int) -> Matches:
    asked = {"log": str(log), "size": size, "pattern": wanted.text, "case": wanted.case, "most": MOST}
    if not _turns.acquire(timeout=SECONDS):
        raise UsageError("other searches by regular expressions are running", hints=["try again in a moment"])
    try:
        ended = subprocess.run(  # noqa: S603  # a program of ours; what is looked for is data
            [sys.executable, "-I", "-S", matching.__file__],
            input=strict_json.encode(asked),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        hints = ["say more of what is looked for", "or look for a plain text"]
        raise UsageError(f"this regular expression took more than {SECONDS:g} s", hints=hints) from None
    except OSError as error:
        raise UsageError(f"this regular expression could not be looked for: {error.strerror}") from error
    finally:
        _turns.release()
    if ended.returncode == matching.WRONG:
        raise UsageError(f"this is no regular expression: {ended.stderr.decode(errors='replace')}")
    if ended.returncode:
        raise UsageError("this regular expression needs too much memory")
    count, *lines = map(int, ended.stdout.split())
    return Matches(array("I", lines), count)
