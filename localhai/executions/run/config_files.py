"""The ten files of /valohai/config (platform.md 2.4), as bytes by name. Pure.

Plain values become YAML without a YAML library, which takes longer to load than these files to write.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from localhai.containers.trees.layout import INPUTS
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localhai.data.files import InputFile


ENVIRONMENT_NAME = "localhai"
CREATOR_ID = 1


def config_files(contents: Mapping[str, Any]) -> dict[str, bytes]:
    """Each of `contents` as NAME.json and as NAME.yaml."""
    files: dict[str, bytes] = {}
    for name, value in contents.items():
        files[f"{name}.json"] = (strict_json.dumps(value, indent=2) + "\n").encode()
        files[f"{name}.yaml"] = _yaml(value)
    return files


def _yaml(value: Any) -> bytes:
    with suppress(NotPlain):
        return dump(value).encode()
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return text.encode()


def execution_config(
    *,
    execution_id: str,
    counter: int,
    commit: str,
    created: str,
    image: str,
    step: str,
    tags: Iterable[str],
    title: str | None,
    project_id: str,
    project: str,
    creator: str,
    environment_id: str,
    environment: str | None,
    belonging: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """execution.json: flat, every key with the prefix `valohai.`. `belonging` has the keys of a task or a pipeline."""
    slug = environment or ENVIRONMENT_NAME
    values = {
        "commit-identifier": commit,
        "creator-id": CREATOR_ID,
        "creator-name": creator,
        "creator-email": None,
        "environment-id": environment_id,
        "environment-name": slug,
        "environment-slug": slug,
        "execution-id": execution_id,
        "execution-counter": counter,
        "execution-ctime": created,
        "execution-duration": None,
        "execution-qtime": None,
        "execution-image": image,
        "execution-step": step,
        "execution-status": "created",
        "execution-tags": list(tags),
        "execution-title": title,
        "project-id": project_id,
        "project-name": f"{creator}/{project}",
        **(belonging or {}),
    }
    return {f"valohai.{key}": value for key, value in values.items()}


def inputs_config(names: Iterable[str], files: Iterable[InputFile]) -> dict[str, Any]:
    """inputs.json: every declared input, with `files: []` where it has none (unconfirmed; valohai-utils takes both)."""
    found: dict[str, Any] = {name: {"files": []} for name in names}
    for file in files:
        entry: dict[str, Any] = {
            "name": file.name,
            "path": f"{INPUTS}/{file.input}/{file.name}",
            "size": file.size,
            "uri": file.uri,
            "checksums": {
                "md5": file.checksums.md5,
                "sha1": file.checksums.sha1,
                "sha256": file.checksums.sha256,
            },
            "metadata": [dict(item) for item in file.metadata],
        }
        if file.datum_id:
            entry["datum_id"] = file.datum_id
        found.setdefault(file.input, {"files": []})["files"].append(entry)
    return found


def runtime_config(*, engine: str, version: str, localhai: str) -> dict[str, Any]:
    """runtime.json: the platform's shape is unconfirmed; this says what runs the step here."""
    return {"runtime": "localhai", "localhai-version": localhai, "engine": engine, "engine-version": version}


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
