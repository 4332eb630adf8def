"""Spaces that YAML takes for none: pasted from a page, they look right and are part of a key or value. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_ODD = "\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff"
_PLACE = re.compile(rf"(?m)^[ ]*(?:- +)*(?:-|[\w-]+:)?([{_ODD}])")
_INSIDE = re.compile(rf"^[{_ODD}]|^[\w-]+:[{_ODD}]|^-[{_ODD}]|[{_ODD}]$")
HINT = "replace it with a plain space, and look at the lines around it"


def find(text: str) -> tuple[int, str] | None:
    """Where the first of them stands in the structure of a text, counted in characters, and what to say."""
    match = _PLACE.search(text)
    if match is None:
        return None
    return match.start(1), f"U+{ord(match[1]):04X} stands here, which looks like a space and is none to YAML"


def is_in_structure(data: Any) -> bool:
    """Whether keys or values as they were read begin with one, or hold `key:` and one: then it was meant as a space."""
    return any(_INSIDE.search(text) for text in _texts(data))


def _texts(data: Any) -> Iterator[str]:
    waiting = [data]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            yield from (key for key in here if isinstance(key, str))
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, str) and "\n" not in here:
            yield here
