"""Text of strangers on a terminal: colours pass, nothing else that a terminal would obey or be misled by.

What containers write, and the names and values that they choose, may hold sequences that set the clipboard, retitle the
window, answer on the keyboard's behalf or turn the direction of writing. On a terminal these show as hexadecimal
escapes; into pipes and files the same text goes as it is.
"""

from __future__ import annotations

import re

RESET = "\x1b[0m"
_SGR = r"\x1b\[[0-9;:]*m"
# C0 but for tab and newline, DEL and C1, signs that turn the direction of writing, line and paragraph separators
_ODD = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f"
# patterns as text, here and in other modules that each command loads: compiled when they are first used
_ODD_ONE = f"[{_ODD}]"
_ODD_OR_BREAK = f"[\\t\\n{_ODD}]"
_ODD_OR_COLOUR = f"{_SGR}|[{_ODD}]"
_PART = f"(?s:({_SGR})|.)"
_LAST_C0 = 0x1F


def uncoloured(text: str) -> str:
    """A name or a value as a terminal may have it, on one line: its colours show escaped too."""
    return re.sub(_ODD_OR_BREAK, _shown, text)


def escaped(text: str) -> str:
    """`text` as a terminal may have it. Carriage returns are escaped too: who draws a line over has applied them.

    Lines of a stranger that set a colour get it taken off at their end: what comes behind is not theirs.
    """
    if re.search(_ODD_ONE, text) is None:
        return text
    return "\n".join(map(_escaped_line, text.split("\n")))


def clipped(text: str, width: int) -> str:
    """The beginning of an escaped line, so many characters that are seen; no colour is cut in two."""
    seen, end = 0, 0
    for part in re.finditer(_PART, text):
        if part[1] is None:
            if seen >= width:
                return text[:end] + (RESET if "\x1b" in text[:end] else "")
            seen += 1
        end = part.end()
    return text


def _escaped_line(line: str) -> str:
    if re.search(_ODD_ONE, line) is None:
        return line
    line = re.sub(_ODD_OR_COLOUR, _shown, line)
    last = line.rfind("\x1b")
    return line if last < 0 or line.startswith((RESET, "\x1b[m"), last) else line + RESET


def _shown(match: re.Match[str]) -> str:
    if len(match[0]) > 1:  # a colour
        return match[0]
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= _LAST_C0 else f"\\u{code:04x}"
