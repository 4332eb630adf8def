"""Secrets that a step put into the names of its outputs, or into what it says about them, do not stay there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import convert, to_builtins
from msgspec.structs import replace

from localhai.data.sidecars import OutputProperties

if TYPE_CHECKING:
    from pathlib import Path

    from localhai.executions.run.secrets import Masker


def rename(folder: Path, masker: Masker) -> list[str]:
    """Give files and folders with a secret in their names masked ones; these, relative to `folder`. Raises OSError."""
    renamed = []
    if masker:
        for here, folders, files in os.walk(os.fsencode(folder), topdown=False):
            for name in (*files, *folders):
                wanted = masker.mask(name)
                if wanted != name:
                    free = _free(here, wanted)
                    os.rename(os.path.join(here, name), os.path.join(here, free))
                    renamed.append(os.fsdecode(os.path.relpath(os.path.join(here, free), os.fsencode(folder))))
    return renamed


def _free(here: bytes, wanted: bytes) -> bytes:
    """The name, with a number before its suffixes where several come to the same one."""
    name, number = wanted, 1
    while os.path.lexists(os.path.join(here, name)):
        number += 1
        stem, dot, suffixes = wanted.partition(b".")
        name = b"%s-%d%s%s" % (stem, number, dot, suffixes)
    return name


def properties(said: OutputProperties | None, masker: Masker) -> OutputProperties | None:
    """What a step says about an output, masked."""
    if said is None or not masker:
        return said
    masked = convert(masker.mask_value(to_builtins(said)), OutputProperties)
    own = {name: masker.mask_value(getattr(said, name), keys=True) for name in ("properties", "written")}
    return replace(masked, **own)
