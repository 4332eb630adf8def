"""One error for all inputs that cannot be had, with the line to paste. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from localhai.data.uri import last_segment
from localhai.errors import InputNotFound
from localhai.setting_values import toml_table
from localhai.system.credentials import without_secrets


class Missing(Struct, frozen=True):
    """One URI of one input that cannot be had, and why."""

    input: str
    uri: str
    reason: str


def input_not_found(missing: Sequence[Missing]) -> InputNotFound:
    """All of them in one message, with `--NAME=PATH` and the `[inputs]` map as ways out."""
    missing = list(dict.fromkeys(missing))
    lines = [f"input {item.input}: {without_secrets(item.uri) or '(no URI)'}: {item.reason}" for item in missing]
    title = "an input cannot be had" if len(lines) == 1 else f"{len(lines)} inputs cannot be had"
    return InputNotFound(
        "\n  ".join([title + ":", *lines]),
        missing=[(item.input, without_secrets(item.uri), item.reason) for item in missing],
        hints=_hints(missing),
    )


def _hints(missing: Sequence[Missing]) -> list[str]:
    options = " ".join(dict.fromkeys(f"--{item.input}={_sample(item)}" for item in missing))
    pairs = {without_secrets(item.uri): _sample(item) for item in missing if item.uri}  # its *** match as any * does
    hints = [f"give files of this machine instead: {options}"]
    if pairs:
        lead = "or once for all, in localhai.toml (* matches in the left part):"
        hints.append(f"{lead}\n{toml_table('inputs', pairs)}")
    return hints


def _sample(item: Missing) -> str:
    """A path that suits: the file's own name where the URI tells it, else the input's."""
    name = (
        last_segment(item.uri.split("?", 1)[0]) if item.uri.startswith(("s3://", "gs://", "azure://", "http")) else ""
    )
    return f"samples/{name if name and '://' not in name else item.input}"
