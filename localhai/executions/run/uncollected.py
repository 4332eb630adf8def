"""Outputs that could not be collected when an execution ended: what says so, and stays until somebody collects them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from localhai.system import durable, strict_json

if TYPE_CHECKING:
    from pathlib import Path

MARK = "not-collected.json"
LIVE = "live"


class Uncollected(Struct, frozen=True):
    """Why not, and whether they are still in the container or its volume; `collected` once they are data in the store.

    Else they are in the execution's folder: below outputs, and below `live` what was uploaded while it ran.
    """

    reason: str
    on_engine: bool = False
    collected: dict[str, Any] | None = None


def leave(folder: Path, left: Uncollected) -> None:
    """Say so beside the execution, and keep what was uploaded while it ran from going with its scratch folder."""
    durable.write(folder / MARK, strict_json.dumps(msgspec.to_builtins(left)).encode())
    live = folder / "scratch" / LIVE
    if not left.on_engine and live.is_dir() and not (folder / LIVE).exists():
        os.rename(live, folder / LIVE)


def read(folder: Path) -> Uncollected | None:
    """What waits in the folder of an execution; None: nothing."""
    try:
        return msgspec.json.decode((folder / MARK).read_bytes(), type=Uncollected)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, msgspec.DecodeError):  # spoiled: better looked at than lost; before msgspec 0.20 these are two
        return Uncollected("nobody knows why", on_engine=True)


def bring_back(folder: Path) -> None:
    """Put what was uploaded while it ran back to where it is collected from."""
    if (folder / LIVE).is_dir() and not (folder / "scratch" / LIVE).exists():
        (folder / "scratch").mkdir(exist_ok=True)
        os.rename(folder / LIVE, folder / "scratch" / LIVE)


def clear(folder: Path) -> None:
    """Everything is collected."""
    (folder / MARK).unlink(missing_ok=True)
