"""The JSON documents that localhai prints, stores and sends: strict ones, which every parser takes.

Python's own encoder writes `NaN`, `Infinity` and halves of characters, which JSON does not know. A number that JSON has
no way to write is the text `Infinity`, `-Infinity` or `NaN` here: what `float()` of Python, `Number()` of JavaScript
and their like read back, so that no value is lost. Pure.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from localhai.system.text import clean_value, is_clean

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_LARGEST = float("inf")


def dumps(
    value: Any,
    *,
    indent: int | None = None,
    sort_keys: bool = False,
    compact: bool = False,
    ascii: bool = True,  # noqa: A002  # what it is
    default: Callable[[Any], Any] | None = None,
) -> str:
    """`value` as one document; `ascii` escapes all other characters, `compact` leaves out spaces.

    `default` gives a JSON value for what is none.
    """

    def written(value: Any) -> str:
        return json.dumps(
            value,
            indent=indent,
            sort_keys=sort_keys,
            separators=(",", ":") if compact else None,
            ensure_ascii=ascii,
            allow_nan=False,
            default=default,
        )

    try:
        text = written(value)
        if "\\ud" not in text and is_clean(text):  # what nearly every document is
            return text
    except ValueError:  # not finite, or a circle, which fails again
        if default is not None:
            value = json.loads(json.dumps(value, default=default))
    return written(finite(clean_value(value)))


def encode(value: Any, **how: Any) -> bytes:
    """`dumps` as UTF-8."""
    return dumps(value, **how).encode()


def quick(value: Any) -> bytes:
    """As `encode`, compact, for documents of very many values. Numbers that JSON cannot write are null in it."""
    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # halves of characters, or integers beyond 64 bits
        return encode(_known(value), compact=True, ascii=False)


def _known(value: Any) -> Any:
    """A JSON value in which numbers that JSON cannot write are null."""
    if isinstance(value, float):
        return value if -_LARGEST < value < _LARGEST else None
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    return [_known(item) for item in value] if isinstance(value, (list, tuple)) else value


def finite(value: Any) -> Any:
    """A JSON value in which numbers that JSON cannot write are texts."""
    if isinstance(value, float):
        return value if -_LARGEST < value < _LARGEST else number_text(value)
    if isinstance(value, dict):
        return {finite(key): finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def number_text(value: float) -> str:
    """`Infinity`, `-Infinity` or `NaN`."""
    if value != value:  # noqa: PLR0124  # what NaN is
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def values(struct: Any) -> Any:
    """A Struct, and all in it, as JSON values: dicts, lists, texts, numbers. `convert` is the inverse."""
    return _listed(msgspec.to_builtins(struct, enc_hook=dict))  # a read-only mapping is a dict


def convert(found: Any, kind: type[T]) -> T:
    """JSON values as what they stand for, mostly a Struct: unknown keys are passed over, absent ones take defaults.

    Texts that stand for numbers JSON cannot write are these numbers. Raises ValueError.
    """
    try:
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:  # before msgspec 0.20 it is no ValueError
        raise ValueError(str(error)) from error


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value
