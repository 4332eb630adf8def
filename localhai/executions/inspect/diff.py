"""In what two executions differ: what they ran with, and what came of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FACTS = ("step", "image", "image_digest", "environment")
HIDDEN = "***"
NAMES = ("id", "counter", "project", "step", "status", "commit")


def diff(a: Mapping[str, Any], b: Mapping[str, Any], code: Mapping[str, Any]) -> dict[str, Any]:
    """Two executions (their JSON shape) and what is known about their code.

    ::

        same          whether they ran the same code with the same image, command, parameters, variables and inputs
        a, b          {id, counter, project, step, status, commit}
        code          as given: {same, added, removed, changed, note}
        facts         {step | image | image_digest | environment: {a, b}}, where they differ
        command       {a, b}, or null when it is the same
        parameters    {name: {a, b}}, where they differ; null: it had none
        environment_variables   the same; "***" where a value is not known, as those of secrets
        inputs        {input: {added, removed, changed}}, where contents differ by checksum: lists of file names
        metadata      {key: {a, b, delta}}: latest values; delta is b - a of numbers, else null
        outputs       {added, removed, changed}: names, by checksum
    """
    facts = {name: _pair(a[name], b[name]) for name in FACTS if a[name] != b[name]}
    command = None if a["command"] == b["command"] else _pair(a["command"], b["command"])
    parameters = _differing(a["parameters"], b["parameters"])
    variables = _variables(a["environment_variables"], b["environment_variables"])
    inputs = _inputs(a["inputs"], b["inputs"])
    return {
        "same": bool(code["same"]) and not (facts or command or parameters or variables or inputs),
        "a": {name: a[name] for name in NAMES},
        "b": {name: b[name] for name in NAMES},
        "code": dict(code),
        "facts": facts,
        "command": command,
        "parameters": parameters,
        "environment_variables": variables,
        "inputs": inputs,
        "metadata": _metadata(a["metadata"], b["metadata"]),
        "outputs": diff_files(a["outputs"], b["outputs"]),
    }


def _pair(a: Any, b: Any) -> dict[str, Any]:
    return {"a": a, "b": b}


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: _pair(a.get(name), b.get(name)) for name in _both(a, b) if a.get(name) != b.get(name)}


def _variables(a: Mapping[str, str | None], b: Mapping[str, str | None]) -> dict[str, dict[str, Any]]:
    """A value that is known of one side only says nothing: it may be the same."""
    unknown = {name for name in {*a} & {*b} if a[name] is None or b[name] is None}
    left, right = ({name: shown_variable(side[name]) for name in side if name not in unknown} for side in (a, b))
    return _differing(left, right)


def shown_variable(value: str | None) -> str:
    """The value of an environment variable, for eyes."""
    return HIDDEN if value is None else value


def _both(a: Iterable[str], b: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*a, *b]))


def _inputs(a: Iterable[Mapping[str, Any]], b: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    left, right = ({item["name"]: item["files"] for item in side} for side in (a, b))
    found = {name: diff_files(left.get(name, ()), right.get(name, ())) for name in _both(left, right)}
    return {name: files for name, files in found.items() if any(files.values())}


def diff_files(a: Iterable[Mapping[str, Any]], b: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Names of files `{name, sha256}` that only one has, or that differ by checksum: {added, removed, changed}."""
    left, right = ({file["name"]: file["sha256"] for file in side} for side in (a, b))
    return {
        "added": [name for name in right if name not in left],
        "removed": [name for name in left if name not in right],
        "changed": [name for name in left if name in right and left[name] != right[name]],
    }


def _metadata(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {key: {**_pair(a.get(key), b.get(key)), "delta": _delta(a.get(key), b.get(key))} for key in _both(a, b)}


def _delta(a: Any, b: Any) -> float | None:
    if type(a) in {int, float} and type(b) in {int, float}:
        difference: float = b - a
        return difference
    return None
