"""The text of a localhai.toml, and how the value of a setting is read, whether a file or a variable has it.

A cast takes the value and the folder at which its paths start; each raises TypeError or ValueError.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.errors import Position, Problem, ProjectError
from localhai.system.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PULL_POLICIES = ("missing", "always", "never")
FILE_WAYS = ("auto", "bind", "volumes")
SAME_NAMES = ("last", "all")
ULIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio"),
    *("rttime", "sigpending", "stack"),
)


def text(value: Any, _base: Path) -> str:
    return clean(_as_given(value))


def _as_given(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text is needed, not {value!r}")
    return value


def path(value: Any, base: Path) -> Path:
    return (base / Path(_as_given(value)).expanduser()).absolute()


def boolean(value: Any, _base: Path) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    raise ValueError(f"true or false is needed, not {value!r}")


def seconds(value: Any, _base: Path) -> float:
    wrong = f"a number of seconds is needed, not {value!r}"
    try:
        seconds = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(wrong) from error
    if isinstance(value, bool) or not 0 <= seconds < float("inf"):
        raise ValueError(wrong)
    return seconds


def count(value: Any, _base: Path) -> int:
    if isinstance(value, bool) or not str(value).strip().isdecimal():
        raise ValueError(f"a whole number from 0 is needed, not {value!r}")
    return int(value)


def folders(value: Any, base: Path) -> tuple[Path, ...]:
    items = value.split(os.pathsep) if isinstance(value, str) else value
    return tuple(path(word, base) for word in words(items, base))


def addresses(value: Any, base: Path) -> tuple[str, ...]:
    from localhai.system.networks import networks

    return tuple(network for word in words(value, base) for network in networks(word))


def words(value: Any, base: Path) -> tuple[str, ...]:
    """A list of texts; a variable has them in one, with spaces or commas between."""
    found = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)):
        raise TypeError(f"a list of texts is needed, not {value!r}")
    return tuple(word.strip() for word in (text(item, base) for item in found) if word.strip())


def mapping(value: Any, _base: Path) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"a table of texts is needed, not {value!r}")
    for key, item in value.items():
        if not isinstance(item, str):
            raise TypeError(f"{key}: text is needed, not {item!r}")
    return dict(value)


def one_of(*allowed: str) -> Callable[[Any, Path], str]:
    def cast(value: Any, _base: Path) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)} is needed, not {value!r}")
        return str(value)

    return cast


def local_inputs(value: Any, base: Path) -> dict[str, str]:
    """Stand-ins without a scheme are paths that start at the folder of localhai.toml."""
    found = mapping(value, base)
    return {uri: target if "://" in target else str(path(target, base)) for uri, target in found.items()}


def store(value: Any, base: Path) -> str:
    place = _as_given(value)
    return clean(place) if "://" in place else str(path(place, base))


def words_like(pattern: str, what: str) -> Callable[[Any, Path], tuple[str, ...]]:
    """A list of texts of a certain form."""

    def cast(value: Any, base: Path) -> tuple[str, ...]:
        if isinstance(value, str):
            raise TypeError(f"a list of texts is needed, not {value!r}")
        found = words(value, base)
        wrong = next((item for item in found if not re.fullmatch(pattern, item)), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r} is no {what}")
        return found

    return cast


def form(pattern: str, what: str) -> Callable[[Any, Path], str]:
    """A text of a certain form; a whole number is one too."""

    def cast(value: Any, base: Path) -> str:
        written = str(value) if type(value) is int else text(value, base)
        if not re.fullmatch(pattern, written, re.IGNORECASE):
            raise ValueError(f"{what} is needed, not {value!r}")
        return written

    return cast


def ulimits(value: Any, base: Path) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"a table of limits is needed, not {value!r}")
    unknown = [name for name in value if name not in ULIMITS]
    if unknown:
        raise ValueError(f"{unknown[0]} is no limit: known are {', '.join(ULIMITS)}")
    limit = form(r"-1|\d+(:(-1|\d+))?", "a number, or SOFT:HARD,")
    return {name: limit(item, base) for name, item in value.items()}


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """The text of a TOML file. Raises ProjectError with its line and column."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = Problem("error", f"not valid TOML: {error}", "toml-syntax", _toml_position(path, text, str(error)))
        raise ProjectError(f"{path.name} is not valid TOML: {error}", problems=[problem], where=str(path)) from error
    return data


def _toml_position(path: Path, text: str, message: str) -> Position | None:
    match = re.search(r"line (\d+), column (\d+)", message)
    if match is None:
        return None
    line, column = int(match[1]), int(match[2])
    lines = text.splitlines()
    return Position(str(path), line, column, lines[line - 1] if line <= len(lines) else "")


def toml_table(name: str, pairs: Mapping[str, str]) -> str:
    """A table of a localhai.toml, ready to paste: names and texts quoted as TOML wants them."""
    return "\n".join([f"[{name}]", *(f"{_quoted(key)} = {_quoted(value)}" for key, value in pairs.items())])


def _quoted(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", plain) + '"'
