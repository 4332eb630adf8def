"""What to do about faults of shape: the hints for the mistakes that people make."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from localhai.project.sentences import guess

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

FIRST_STEP = "begin with `- step:` and, indented under it, name, image and command"

TEXT_LISTS = frozenset({"cache-volumes", "environment-variable-groups", "endpoints", "aliases"})

CHOICES = {
    "edge": "[source, target], or a mapping with source and target",
    "mount": "/source:/destination, or a mapping with source and destination",
}

_SYNONYMS = {
    "int": "integer",
    "number": "float",
    "double": "float",
    "decimal": "float",
    "bool": "flag",
    "boolean": "flag",
    "str": "string",
    "text": "string",
    "lazy": "on-demand",
    "on_demand": "on-demand",
    "true": "full",
    "list": "repeat",
    "grid": "linear",
    "range": "linear",
    "choice": "multiple",
    "logarithmic": "logspace",
    "uniform": "random",
}

_OVERRIDABLE = frozenset(
    {
        "autorestart",
        "command",
        "environment",
        "environment-variables",
        "image",
        "inputs",
        "mounts",
        "parameters",
        "runtime-config-preset",
    }
)


def empty(path: Sequence[Any]) -> str:
    """The hint for a key with nothing behind it."""
    if len(path) == 2:  # noqa: PLR2004  # (index, kind)
        return f"indent what belongs to it: its keys stand further right than {path[-1]} itself"
    return "give it a value, or remove the key"


def wrong_type(path: Sequence[Any], value: Any, kind: Any) -> str | None:
    """The hint for a value of the wrong type; `kind` is the type that was wanted, or several."""
    kinds = kind if isinstance(kind, list) else [kind]
    is_scalar = isinstance(value, (bool, int, float, dt.date)) and path[-1] != "command"
    cases = (
        (
            isinstance(value, dict) and "string" in kinds,
            "': ' inside text makes it a mapping: put it in quotes",
        ),
        (isinstance(value, dict) and "array" in kinds, "begin each entry with '- '"),
        (isinstance(value, list) and kind == "string", "write one text, without '- ' or brackets"),
        (_is_number(value) and kind in {"integer", "number"}, "remove the quotes"),
        (kind == "boolean", "write true or false, without quotes"),
        (is_scalar and "string" in kinds, "put it in quotes"),
    )
    return next((hint for is_so, hint in cases if is_so), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[-+]?[\d.]+", value) is not None


def missing(path: Sequence[Any], keys: Sequence[str]) -> str | None:
    """The hint for keys that are not there."""
    if path[-2:-1] == ("edges",):
        return "an edge is [source, target]"
    return f"add `{keys[0]}:` to it" if len(keys) == 1 else None


def misplaced(path: Sequence[Any], key: Any) -> str | None:
    """The hint for a key that belongs somewhere else."""
    if path[-2:-1] == ("nodes",) and key in _OVERRIDABLE:
        return f"what a node changes of its step stands under override: `override: {{{key}: ...}}`"
    if path[-1:] == ("override",):
        dashed = str(key).lower().replace("_", "-")
        if dashed in _OVERRIDABLE:
            return f"did you mean {dashed}?"
        return "the names of inputs and parameters stand under `inputs:` or `parameters:` of the override"
    return None


def synonym(value: str, known: Collection[str]) -> str | None:
    """The hint for a word that is not among the known ones, though another language or tool may know it."""
    meant = _SYNONYMS.get(value.lower())
    if meant in known:
        return f"did you mean {meant}?"
    near = guess(value, known)
    return near if near and near.startswith("did you mean") else None


def form(path: Sequence[Any], value: str) -> tuple[str, str | None]:
    """What a text must look like, and how this one could."""
    key = path[-1]
    if key == "name":  # of an endpoint
        slug = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-").lstrip("0123456789-")
        rule = "two or more lowercase letters, digits and dashes that begin with a letter"
        return rule, f"did you mean {slug}?" if len(slug) > 1 else None
    if key == "node-selector":
        return "of the form key=value", None
    if key == "destination":
        return "an absolute path, beginning with /", f"did you mean /{value.lstrip('./')}?"
    if isinstance(key, int):  # a mount in short
        return "/source:/destination with two absolute paths", None
    return "of another form", None
