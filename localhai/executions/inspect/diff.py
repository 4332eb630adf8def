"""How executions differ: two of them fact by fact, with their code, and several side by side."""

from __future__ import annotations

import filecmp
import os
from typing import TYPE_CHECKING, Any

from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path


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


UNKNOWN = {"added": None, "removed": None, "changed": None}


def code_diff(a: str | None, b: str | None, folder_of: Callable[[str], Path]) -> dict[str, Any]:
    """`{same, added, removed, changed, note}` for two commit identifiers; paths relative to the repository.

    `folder_of` gives the folder with the code of an identifier, or raises LocalhaiError where it cannot be had any
    more: the lists are then None and `note` says why.
    """
    if a is not None and a == b:
        return {"same": True, "added": [], "removed": [], "changed": [], "note": None}
    try:
        left, right = (_required(identifier, folder_of) for identifier in (a, b))
    except LocalhaiError as error:
        return {"same": False, **UNKNOWN, "note": f"which files differ cannot be told: {error.message}"}
    found = _changes(left, right)
    return {"same": not any(found.values()), **found, "note": None}


def _changes(left: Path, right: Path) -> dict[str, list[str]]:
    """Paths of files that only one has, or that differ in content or in being executable."""
    before, after = _files(left), _files(right)
    common = sorted(before & after)
    return {
        "added": sorted(after - before),
        "removed": sorted(before - after),
        "changed": [name for name in common if _differ(left / name, right / name)],
    }


def _required(identifier: str | None, folder_of: Callable[[str], Path]) -> Path:
    if identifier is None:
        raise LocalhaiError("one of them has no commit")
    return folder_of(identifier)


def _files(folder: Path) -> set[str]:
    return {os.path.relpath(os.path.join(place, name), folder) for place, _, names in os.walk(folder) for name in names}


def _differ(a: Path, b: Path) -> bool:
    if a.is_symlink() or b.is_symlink():
        return not (a.is_symlink() and b.is_symlink() and os.readlink(a) == os.readlink(b))
    is_executable = [bool(path.stat().st_mode & 0o100) for path in (a, b)]
    return is_executable[0] != is_executable[1] or not filecmp.cmp(a, b, shallow=False)


_SUMMARY_FACTS = ("id", "counter", "project", "step", "status", "duration")


def summarize(executions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`[{id, counter, project, step, status, duration, parameters, metadata}]` of executions."""
    return [
        {
            **{fact: execution[fact] for fact in _SUMMARY_FACTS},
            "parameters": dict(execution["parameters"]),
            "metadata": dict(execution["metadata"]),
        }
        for execution in executions
    ]


def metadata_keys(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """All keys, in the order in which they first come."""
    return list(dict.fromkeys(key for row in rows for key in row["metadata"]))


def differing_parameters(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Parameters that have several values among these executions: what a comparison of metrics is about."""
    names = dict.fromkeys(name for row in rows for name in row["parameters"])
    return [name for name in names if _has_several_values(rows, name)]


def _has_several_values(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = [row["parameters"][name] for row in rows if name in row["parameters"]]
    return any(value != values[0] for value in values)
