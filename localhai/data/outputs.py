"""What an execution left in its outputs folder: the files to keep, what is skipped and why (reference 5).

Nothing outside the folder is ever followed: folders and files are opened relative to an open folder, without
following links, and a link is resolved by hand inside the folder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localhai.data.sidecars import NO_PROPERTIES, OutputProperties

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One file to keep. `name` is its path under outputs with `/`, valid UTF-8; `path` the bytes on this machine.

    For a link inside outputs, `path` is the file that it points to. `mtime` counts seconds since the epoch.
    """

    name: str
    path: Path
    size: int
    mtime: float
    properties: OutputProperties = NO_PROPERTIES


@dataclass(frozen=True, slots=True)
class SkippedOutput:
    """Something in outputs that is not kept. `name` is printable, `reason` completes "NAME is skipped: it is ..."."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scan:
    """All of an outputs folder, sorted by name.

    `warnings` are sentences about sidecars and names. `late` holds properties of outputs that were uploaded while the
    execution ran, by name: their sidecars were found now.
    """

    files: tuple[OutputFile, ...]
    skipped: tuple[SkippedOutput, ...] = ()
    warnings: tuple[str, ...] = ()
    late: Mapping[str, OutputProperties] = field(default_factory=dict)
