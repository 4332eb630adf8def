"""In what the code of two executions differs, file by file, where both snapshots can still be had."""

from __future__ import annotations

import filecmp
import os
from typing import TYPE_CHECKING, Any

from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
    found = compare(left, right)
    return {"same": not any(found.values()), **found, "note": None}


def compare(left: Path, right: Path) -> dict[str, list[str]]:
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
