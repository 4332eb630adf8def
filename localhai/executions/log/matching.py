"""A program that finds the lines of a log that match a regular expression: `search` starts it, and may kill it.

It gets one JSON object on stdin, `{log, size, pattern, case, most}`, and writes how many lines match and the numbers
of the first ones. What is no expression ends it with 2 and words. Of Python it loads the standard library only.
"""

from __future__ import annotations

import json
import re
import sys

LONGEST = 1 << 16  # bytes of a line that are looked at
MEMORY = 1 << 30


WRONG = 2  # its exit code


def main() -> int:
    asked = json.load(sys.stdin)
    _limit_memory()
    try:
        pattern = re.compile(asked["pattern"], 0 if asked["case"] else re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        sys.stderr.write(str(error))
        return WRONG
    count, lines = matches(asked["log"], asked["size"], pattern, asked["most"])
    sys.stdout.write(" ".join(map(str, [count, *lines])))
    return 0


def matches(log: str, size: int, pattern: re.Pattern[str], most: int) -> tuple[int, list[int]]:
    """How many lines match, and the numbers of the first of them."""
    lines: list[int] = []
    count = 0
    with open(log, "rb") as file:
        for number, line in enumerate(file, 1):
            if size <= 0:
                break
            text = line[: min(size, LONGEST)].rstrip(b"\n").decode("utf-8", "replace")
            size -= len(line)
            if pattern.search(text):
                count += 1
                if count <= most:
                    lines.append(number)
    return count, lines


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, hard))
    except (ValueError, OSError):  # less is allowed already; macOS knows no such limit
        return


if __name__ == "__main__":
    sys.exit(main())
