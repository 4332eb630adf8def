"""How the value of a setting is read, whether a file or a variable has it: each cast raises TypeError or ValueError.

A cast takes the value and the folder at which its paths start.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.system.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable

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


def _boolean(value: Any, _base: Path) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    raise ValueError(f"true or false is needed, not {value!r}")


def _seconds(value: Any, _base: Path) -> float:
    wrong = f"a number of seconds is needed, not {value!r}"
    try:
        seconds = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(wrong) from error
    if isinstance(value, bool) or not 0 <= seconds < float("inf"):
        raise ValueError(wrong)
    return seconds


def _count(value: Any, _base: Path) -> int:
    if isinstance(value, bool) or not str(value).strip().isdecimal():
        raise ValueError(f"a whole number from 0 is needed, not {value!r}")
    return int(value)


def _folders(value: Any, base: Path) -> tuple[Path, ...]:
    items = value.split(os.pathsep) if isinstance(value, str) else value
    return tuple(path(word, base) for word in _words(items, base))


def _addresses(value: Any, base: Path) -> tuple[str, ...]:
    from localhai.system.networks import networks

    return tuple(network for word in _words(value, base) for network in networks(word))


def _words(value: Any, base: Path) -> tuple[str, ...]:
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


def _one_of(*allowed: str) -> Callable[[Any, Path], str]:
    def cast(value: Any, _base: Path) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)} is needed, not {value!r}")
        return str(value)

    return cast


def _local_inputs(value: Any, base: Path) -> dict[str, str]:
    """Stand-ins without a scheme are paths that start at the folder of localhai.toml."""
    found = mapping(value, base)
    return {uri: target if "://" in target else str(path(target, base)) for uri, target in found.items()}


def _store(value: Any, base: Path) -> str:
    place = _as_given(value)
    return clean(place) if "://" in place else str(path(place, base))


def _words_like(pattern: str, what: str) -> Callable[[Any, Path], tuple[str, ...]]:
    """A list of texts of a certain form."""

    def cast(value: Any, base: Path) -> tuple[str, ...]:
        if isinstance(value, str):
            raise TypeError(f"a list of texts is needed, not {value!r}")
        found = _words(value, base)
        wrong = next((item for item in found if not re.fullmatch(pattern, item)), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r} is no {what}")
        return found

    return cast


def _form(pattern: str, what: str) -> Callable[[Any, Path], str]:
    """A text of a certain form; a whole number is one too."""

    def cast(value: Any, base: Path) -> str:
        written = str(value) if type(value) is int else text(value, base)
        if not re.fullmatch(pattern, written, re.IGNORECASE):
            raise ValueError(f"{what} is needed, not {value!r}")
        return written

    return cast


def _ulimits(value: Any, base: Path) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"a table of limits is needed, not {value!r}")
    unknown = [name for name in value if name not in ULIMITS]
    if unknown:
        raise ValueError(f"{unknown[0]} is no limit: known are {', '.join(ULIMITS)}")
    limit = _form(r"-1|\d+(:(-1|\d+))?", "a number, or SOFT:HARD,")
    return {name: limit(item, base) for name, item in value.items()}


MAPPINGS = frozenset({"inputs", "images", "environment_variables", "environments", "triggers", "ulimits"})
CASTS: dict[str, Callable[[Any, Path], Any]] = {
    "home": path,
    "store": _store,
    "s3_folder": path,
    "env_file": path,
    "inputs": _local_inputs,
    "images": mapping,
    "environment_variables": mapping,
    "environments": mapping,
    "triggers": mapping,
    "pull": _one_of(*PULL_POLICIES),
    "files": _one_of(*FILE_WAYS),
    "same_names": _one_of(*SAME_NAMES),
    "mounts": _boolean,
    "package_cache": _boolean,
    "no_new_privileges": _boolean,
    "pids_limit": _count,
    "serve_folders": _folders,
    "serve_addresses": _addresses,
    "serve_networks": _words,
    "shm_size": _form(r"\d+(\.\d+)?\s*([kmgt]i?)?b?", "a size such as 8g or 512m"),
    "gpus": _form(r"all|\d+", "all or a number"),
    "ipc": _one_of("private", "shareable", "host", "none"),
    "ulimits": _ulimits,
    "devices": _words_like(r"/\S+", "path of a device"),
    "group_add": _words_like(r"[\w.-]+", "name or number of a group"),
    "cap_add": _words_like(r"[A-Za-z_]+", "capability"),
    "stop_grace": _seconds,
    "host_timeout": _seconds,
    "patience": _seconds,
}
