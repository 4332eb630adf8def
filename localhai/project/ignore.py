"""Ignore files with git's pattern language: .vhignore always, .gitignore where git itself cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.system.names import composed
from localhai.system.text import without_mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def load(path: Path) -> Callable[[str], bool] | None:
    """A test whether a relative path (`/` at the end for a folder) is ignored; None without a file or patterns."""
    try:
        lines = without_mark(path.read_bytes().decode("utf-8", "surrogateescape")).splitlines()
    except (FileNotFoundError, IsADirectoryError):
        return None
    if not any(line.strip() and not line.startswith("#") for line in lines):
        return None
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(map(composed, lines))  # disks of macOS may have accents in two pieces
    return lambda name: bool(spec.match_file(composed(name)))
