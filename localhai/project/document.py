"""From bytes to YAML data with positions. One parse; whatever cannot be read is one problem with its place.

Reading is PyYAML's safe_load (YAML 1.1, reference 1.0), by its C parser where it is built in. Before anything is built
from the text, three bounds hold: its size, its nesting, and what its aliases would expand to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from localhai.errors import ProjectError
from localhai.project.positions import PositionMap

if TYPE_CHECKING:
    from pathlib import Path

_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Document:
    """What a YAML text holds: `data` as safe_load gives it, and where each part of it stands."""

    file: str
    data: Any
    positions: PositionMap


def read_bytes(path: Path) -> bytes:
    """The content of a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror}", where=str(path)) from error


def parse(content: bytes | str, file: str) -> Document:
    """The document in `content`; `file` is the name that positions carry. Raises ProjectError with one problem."""
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    loader = _SafeLoader(text)
    try:
        root = loader.get_single_node()
        data = loader.construct_document(root) if root is not None else None
    finally:
        loader.dispose()
    return Document(file, data, PositionMap(file, text, root))
