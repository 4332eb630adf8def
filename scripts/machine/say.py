"""Words for the person at the terminal. They go to stderr: stdout belongs to whoever calls."""

from __future__ import annotations

import os
import sys


class Trouble(Exception):
    """What went wrong, and in the lines below it what to do."""

    def __init__(self, message: str, *advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


def colour(code: str, text: str) -> str:
    """`text` in an ANSI colour, where a person looks on and has not said NO_COLOR."""
    wanted = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\033[{code}m{text}\033[0m" if wanted else text


def say(line: str) -> None:
    """One line of news."""
    print(colour("2", "==>"), line, file=sys.stderr, flush=True)


def warn(*lines: str) -> None:
    """Lines that must not be overlooked."""
    for line in lines:
        print(colour("1;33", f"!!! {line}"), file=sys.stderr, flush=True)


def complain(trouble: Trouble) -> None:
    """A Trouble as one message."""
    print(colour("1;31", "Error:"), trouble.message, file=sys.stderr)
    for line in trouble.advice:
        print(f"  {line}", file=sys.stderr)
