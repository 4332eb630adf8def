"""YAML of plain values without a YAML library, which takes longer to load than a container's files to write. Pure."""

from __future__ import annotations

import re
from typing import Any

_WIDTH = 79  # a longer line would be broken between words
_KEY = 100  # a longer key would be written another way
_PLAIN_RE = re.compile(r"(?:~\w|[A-Za-z/])(?:[\w./+-]|[: ](?=[A-Za-z0-9_./]))*", re.ASCII)
_NUMBERED_RE = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+(?:\.\d+){2,}(?:[+-]\w+)*", re.ASCII
)  # ids, versions
_TIME_RE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_FLOAT_RE = re.compile(r"-?\d+\.\d+", re.ASCII)
_WORDS = frozenset({"yes", "no", "true", "false", "on", "off", "null"})  # in YAML, not texts


class NotPlain(ValueError):
    """A value that a YAML library has to write."""


def dump(value: dict[str, Any] | list[Any]) -> str:
    """A mapping or list in block style, as PyYAML writes it. Raises NotPlain for all that may need care."""
    if not isinstance(value, (dict, list)):
        raise NotPlain
    lines = _lines(value)
    if any(len(line) > _WIDTH and _has_words(line) for line in lines):
        raise NotPlain
    return "\n".join(lines) + "\n"


def _has_words(line: str) -> bool:
    text = line.lstrip(" -")
    return " " in (text.partition(": ")[2] or text)


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        return [line for key, item in value.items() for line in _entry(_text(key), item)]
    if isinstance(value, list) and value:
        return [f"{'  ' if number else '- '}{line}" for item in value for number, line in enumerate(_lines(item))]
    return [_scalar(value)]


def _entry(key: str, value: Any) -> list[str]:
    if key == "''" or len(key) > _KEY:
        raise NotPlain
    if not value or not isinstance(value, (dict, list)):
        return [f"{key}: {_scalar(value)}"]
    indent = "  " if isinstance(value, dict) else ""
    return [f"{key}:", *(f"{indent}{line}" for line in _lines(value))]


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is float and _FLOAT_RE.fullmatch(repr(value)):
        return repr(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise NotPlain
    if value == "" or value.lower() in _WORDS or _TIME_RE.fullmatch(value):
        return f"'{value}'"
    if _PLAIN_RE.fullmatch(value) or _NUMBERED_RE.fullmatch(value):
        return value
    raise NotPlain
