"""Inputs whose names this machine's disk does not tell apart, as the platform's Linux does: they need volumes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from localhai.errors import SurroundingsError
from localhai.system import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.containers.trees.tree import TreeContents


def way_for(contents: TreeContents, wanted: str, say: Callable[[str], None]) -> str:
    """How files are to reach the container: `wanted`, or `volumes` in place of `auto` where a folder would lose some.

    Raises SurroundingsError where a folder is demanded.
    """
    pairs = names.alike(item.target for item in contents.inputs)
    if not pairs or wanted == "volumes":
        return wanted
    os.makedirs(contents.scratch, exist_ok=True)
    if not names.folds(contents.scratch):
        return wanted
    one, other = pairs[0]
    said = f"the inputs {one} and {other} are one file on this disk, which does not tell their names apart"
    if wanted == "auto":
        say(f"{said}: files reach the container by volumes")
        return "volumes"
    raise SurroundingsError(
        said,
        where=str(contents.scratch),
        hints=('set `files = "auto"` or "volumes" under [docker] in localhai.toml: volumes tell them apart',),
    )
