"""Endpoints (reference 1.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.project.checks.file import check_unique
from localhai.project.checks.items import named
from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item

_ABSOLUTE = "an absolute path begins with /"


def check(item: Item, findings: Findings) -> None:
    """One sound endpoint: its files and volumes."""
    endpoint, path = item.data, item.path
    owner = f"endpoint {quoted(item.name)}"
    check_unique((*path, "files"), named(endpoint, "files"), "file", owner, findings)
    taken = _check_shared((*path, "shared-volumes"), endpoint, findings)
    workspace = endpoint.get("workspace-volume")
    if workspace:
        place = (*path, "workspace-volume", "mount-path")
        _check_absolute(place, workspace["mount-path"], findings)
        if workspace["mount-path"] in taken:
            message = f"{quoted(workspace['mount-path'])} is the mount-path of a shared volume already"
            findings.error(place, message, "mounted-twice", hint="mount each volume at a path of its own")


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
