"""Copies of outputs, wherever the store keeps them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.cli import formats, words
from localhai.errors import DiskFull, SurroundingsError

if TYPE_CHECKING:
    from collections.abc import Sequence


NO_SPACE = 28


def copy_outputs(outputs: Sequence[dict[str, Any]], folder: Path, *, force: bool) -> int:
    """Copy outputs to `folder`, under their names; gives how many. Those there already stay unless `force`."""
    copied = 0
    size = 0
    for item in outputs:
        target = folder / item["name"]
        if item.get("purged"):
            words.say(f"{item['name']}: its bytes were deleted")
        elif target.exists() and not force:
            words.say(f"{target} is there already (--force copies over it)")
        else:
            _copy(item, target)
            copied, size = copied + 1, size + item["size"]
    words.say(f"copied {copied} file{'' if copied == 1 else 's'} ({formats.size(size)}) to {folder}")
    return copied


def _copy(item: dict[str, Any], target: Path) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_source(item), temporary)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno == NO_SPACE:
            raise DiskFull(f"no space left for {target}", where=str(target)) from error
        raise SurroundingsError(f"{item['name']} cannot be copied: {error.strerror}", where=str(target)) from error


def _source(item: dict[str, Any]) -> Path:
    if item["path"] is not None:
        return Path(item["path"])
    raise SurroundingsError(f"{item['name']} is in {item['uri']}, which cannot be read here", where=item["uri"])
