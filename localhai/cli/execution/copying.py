"""Copies of outputs, wherever the store keeps them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.cli import formats, output
from localhai.cli.execution.progress import Progress
from localhai.errors import DiskFull, SurroundingsError
from localhai.system import names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from localhai.executions.home import Home

NO_SPACE = 28
BLOCK = 1 << 20


def copy_outputs(home: Home, outputs: Sequence[dict[str, Any]], folder: Path, *, force: bool) -> int:
    """Copy outputs to `folder`, under their names; gives how many. Those there already stay unless `force`."""
    copied = 0
    size = 0
    progress = Progress(enabled=True)
    lost = _lost([item["name"] for item in outputs], folder)
    for item in outputs:
        target = folder / item["name"]
        if item["name"] in lost:
            output.say(f"{item['name']} is not copied: this disk does not tell it from {lost[item['name']]}")
        elif item.get("purged"):
            output.say(f"{item['name']}: its bytes were deleted")
        elif target.exists() and not force:
            output.say(f"{target} is there already (--force copies over it)")
        else:
            _copy(home, item, target, progress)
            copied, size = copied + 1, size + item["size"]
    progress.stop()
    output.say(f"copied {copied} file{'' if copied == 1 else 's'} ({formats.size(size)}) to {folder}")
    return copied


def _lost(outputs: Sequence[str], folder: Path) -> dict[str, str]:
    """Outputs that would be written over others, by those: on a disk that takes their names for one."""
    pairs = names.alike(outputs)
    if not pairs:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    return {other: first for first, other in pairs} if names.folds(folder) else {}


def _copy(home: Home, item: dict[str, Any], target: Path, progress: Progress) -> None:
    temporary = target.with_name(
        f".localhai-{os.urandom(8).hex()}.part"
    )  # the name itself may fill what a name can hold
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _open(home, item) as source, temporary.open("wb") as copy:
            done = 0
            while data := source.read(BLOCK):
                copy.write(data)
                done += len(data)
                progress.advance("output", item["name"], done, item["size"])
        temporary.replace(target)
    except OSError as error:
        if error.errno == NO_SPACE:
            raise DiskFull(f"no space left for {target}", where=str(target)) from error
        raise SurroundingsError(f"{item['name']} cannot be copied: {error.strerror}", where=str(target)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _open(home: Home, item: dict[str, Any]) -> IO[bytes]:
    """The file of this machine, else the bytes from the store."""
    if item["path"] is not None and Path(item["path"]).is_file():
        return Path(item["path"]).open("rb")
    return home.store.open(item["uri"])
