"""Why an execution is not reused, in sentences: the difference of two keys, with the values of the records. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localhai.executions.inspect.diff import diff_files
from localhai.executions.reuse.key import SECRET
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from localhai.executions.reuse.key import Difference, Parts

MOST_NAMES = 5
_SELDOM_CODE = (
    *(".md", ".rst", ".log", ".xml", ".html", ".pdf", ".png", ".jpg", ".jpeg", ".svg", ".gif", ".ipynb"),
    *(".csv", ".tsv", ".parquet", ".npz", ".npy", ".pkl", ".pt", ".h5", ".onnx", ".zip", ".gz", ".jsonl"),
)
MOST_CHARACTERS = 60
_KIND = {"added": "is new", "removed": "is gone", "changed": "is another"}


def sentences(
    found: Sequence[Difference], new: Mapping[str, Any], old: Mapping[str, Any], code: Callable[[], str]
) -> list[str]:
    """One for each difference. `new` and `old` have `image, image_digest, parameters, inputs, parts`, masked.

    `code` says how the files differ; it is only asked when they do. A command that differs because of the code or of
    parameters is not named beside them.
    """
    because = {item.part for item in found} & {"code", "parameters"}
    words = []
    for item in found:
        if item.part == "command" and because:
            continue
        words.append(_WORDS[item.part](item, new, old) if item.part != "code" else f"code: {code()}")
    return words


def outcome(found: Mapping[str, Any] | None) -> str | None:
    """What a look came to on one line, from the key `reuse` of an execution; None where nobody looked."""
    if found is None:
        return None
    nearest = "" if found["nearest"] is None else f"#{found['nearest']}"
    if found["hit"]:
        return f"reused: {nearest}"
    because = "; ".join(found["reasons"]) or "no earlier execution is complete"
    return f"not reused{nearest and f' (nearest is {nearest})'}: {because}"


def code_words(found: Mapping[str, Any], old: str | None, new: str | None) -> str:
    """From `code_diff`: the files, or the two commits where they cannot be told."""
    if found["note"] is not None or found["added"] is None:
        return f"{_short(old)} -> {_short(new)}"
    return (_files_words(found) or "the same files in another way") + _ignoring(found)


def _ignoring(found: Mapping[str, Sequence[str]]) -> str:
    """The line for .vhignore, where files of kinds that are seldom code differ."""
    names = [name for kind in ("changed", "added", "removed") for name in found[kind] if name.endswith(_SELDOM_CODE)]
    if not names:
        return ""
    lines = " ".join(f"/{_pattern(name)}" for name in names[:MOST_NAMES])
    return f" (no code? .vhignore can say so, a line for each: {lines})"


def _pattern(name: str) -> str:
    """As git's patterns write it."""
    return re.sub(r"([\\*?\[ ])", r"\\\1", name)


def _short(commit: str | None) -> str:
    return "unknown" if commit is None else commit[:12]


def _files_words(found: Mapping[str, Sequence[str]]) -> str:
    named = [f"{name} {kind}" for kind in ("changed", "added", "removed") for name in found[kind]]
    more = f" and {len(named) - MOST_NAMES} more" if len(named) > MOST_NAMES else ""
    return ", ".join(named[:MOST_NAMES]) + more


def _image(_item: Difference, new: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    if new["image"] != old["image"]:
        return f"image: {old['image']} -> {new['image']}"
    return f"image: {new['image']} was {_digest(old['image_digest'])}, and is {_digest(new['image_digest'])} now"


def _digest(digest: str | None) -> str:
    return "unknown" if digest is None else digest.rpartition("@")[2][:19]


def _step(item: Difference, _new: Mapping[str, Any], _old: Mapping[str, Any]) -> str:
    return f"step definition: {item.item} {_KIND[item.kind]}"


def _command(_item: Difference, _new: Mapping[str, Any], _old: Mapping[str, Any]) -> str:
    return "command: it is another"


def _parameter(item: Difference, new: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    name = item.item
    if item.kind == "added":
        return f"parameter {name}: is new, {_value(new['parameters'].get(name))}"
    if item.kind == "removed":
        return f"parameter {name}: is gone, was {_value(old['parameters'].get(name))}"
    before, after = _value(old["parameters"].get(name)), _value(new["parameters"].get(name))
    return f"parameter {name}: {before} -> {after}" if before != after else f"parameter {name}: is another"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else strict_json.dumps(value, default=str)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}..."


def _input(item: Difference, new: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    if item.kind != "changed":
        return f"input {item.item}: {_KIND[item.kind]}"
    before, after = (_files_of(side, item.item) for side in (old, new))
    return f"input {item.item}: {_files_words(diff_files(before, after)) or 'what is said of its files is other'}"


def _files_of(side: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    return next((entry["files"] for entry in side["inputs"] if entry["name"] == name), ())


def _variable(item: Difference, new: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    """Never a value: it may be a secret."""
    before, after = (_digest_of(side["parts"], item) for side in (old, new))
    both_secret = before.startswith(SECRET) and after.startswith(SECRET)
    if both_secret and before.split()[1] != after.split()[1]:
        return f"environment variable {item.item}: a secret, and that of another home cannot be compared"
    return f"environment variable {item.item}: {_KIND[item.kind]}{' value' if item.kind == 'changed' else ''}"


def _digest_of(parts: Parts, item: Difference) -> str:
    return parts.get(item.part, {}).get(item.item, "")


_WORDS: Mapping[str, Callable[[Difference, Mapping[str, Any], Mapping[str, Any]], str]] = {
    "image": _image,
    "step": _step,
    "command": _command,
    "parameters": _parameter,
    "inputs": _input,
    "environment variables": _variable,
}
