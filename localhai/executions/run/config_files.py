"""The ten files of /valohai/config (platform.md 2.4), as bytes by name. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from localhai.containers.trees.tree import INPUTS
from localhai.executions.run.plain_yaml import NotPlain, dump
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
