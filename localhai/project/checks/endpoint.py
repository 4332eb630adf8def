"""Endpoints, and deployments that hold them (platform.md 1.12)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from localhai.project.checks.items import check_unique, named
from localhai.project.checks.step import check_image
from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item

_ABSOLUTE = "an absolute path begins with /"


def check(item: Item, findings: Findings) -> None:
    """One sound endpoint: its files and volumes."""
    endpoint, path = item.data, item.path
    owner = f"endpoint {quoted(item.name)}"
    check_image(item, findings)
    check_unique((*path, "files"), named(endpoint, "files"), "file", owner, findings)
    _check_files((*path, "files"), endpoint, findings)
    taken = _check_shared((*path, "shared-volumes"), endpoint, findings)
    workspace = endpoint.get("workspace-volume")
    if workspace:
        place = (*path, "workspace-volume", "mount-path")
        _check_absolute(place, workspace["mount-path"], findings)
        if workspace["mount-path"] in taken:
            message = f"{quoted(workspace['mount-path'])} is the mount-path of a shared volume already"
            findings.error(place, message, "mounted-twice", hint="mount each volume at a path of its own")


def _check_files(path: tuple[Any, ...], endpoint: dict[str, Any], findings: Findings) -> None:
    """Files stand below the working directory, each at a path of its own; the platform's linter does not look."""
    taken: dict[str, str] = {}
    for index, file in named(endpoint, "files"):
        place, target = (*path, index, "path"), posixpath.normpath(file["path"])
        if target.startswith(("/", "../")) or target in {".", ".."}:
            message = f"path {quoted(file['path'])} of file {quoted(file['name'])} leads out of the working directory"
            findings.warning(place, message, "outside-path", hint="give a path below it, such as models/model.pkl")
        elif target in taken:
            message = f"files {quoted(taken[target])} and {quoted(file['name'])} have the same path {quoted(target)}"
            findings.warning(place, message, "same-path", hint="give each file a path of its own")
        taken.setdefault(target, file["name"])


def _check_shared(path: tuple[Any, ...], endpoint: dict[str, Any], findings: Findings) -> set[str]:
    taken: set[str] = set()
    for index, volume in named(endpoint, "shared-volumes"):
        mount_path, sub_path = volume["mount-path"], volume.get("sub-path", "")
        place = (*path, index, "mount-path")
        _check_absolute(place, mount_path, findings)
        if sub_path.startswith("/"):
            message = f"sub-path {quoted(sub_path)} begins with /, and it is relative to the volume"
            hint = f"did you mean {sub_path.lstrip('/')}?"
            findings.error((*path, index, "sub-path"), message, "absolute-path", hint=hint)
        if mount_path in taken:
            message = f"two shared volumes are mounted at {quoted(mount_path)}"
            findings.error(place, message, "mounted-twice", hint="mount each volume at a path of its own")
        taken.add(mount_path)
    return taken


def _check_absolute(path: tuple[Any, ...], mount_path: str, findings: Findings) -> None:
    if not mount_path.startswith("/"):
        message = f"mount-path {quoted(mount_path)} is not absolute"
        findings.error(path, message, "relative-path", hint=f"{_ABSOLUTE}: did you mean /{mount_path}?")


def check_deployment(item: Item, findings: Findings) -> None:
    """One sound deployment: without a target it cannot be created by a pipeline."""
    if not (item.data.get("defaults") or {}).get("target"):
        message = f"deployment {quoted(item.name)} has no defaults.target, so no pipeline can create it"
        hint = "add `defaults:` with `target:` naming the cluster"
        findings.warning(item.path, message, "missing-target", hint=hint, key=True)
