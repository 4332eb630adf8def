"""What the last snapshot of a project folder was, so that an unchanged folder is recognised by `lstat` alone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, to_builtins

from localhai.system import durable, private, strict_json

if TYPE_CHECKING:
    from localhai.project.packaging import WorkingTree


class Remembered(Struct, frozen=True):
    """The last snapshot of a folder: `key` stands for the state of its files, `fingerprint` for that of its repository.

    An empty key matches no state.
    """

    key: str
    identifier: str
    warnings: tuple[str, ...] = ()
    fingerprint: str | None = None
    dirty: bool = False
    base_commit: str | None = None
    branch: str | None = None


class Shelf:
    """Where one project folder's last snapshot is remembered: two small files in the cache."""

    def __init__(self, cache: Path, folder: Path, yaml: str) -> None:
        name = hashlib.sha256(os.fsencode(f"{folder}\0{yaml}")).hexdigest()[:32]
        self._cache = cache
        self._path = cache / ".remembered" / f"{name}.json"
        self._files = cache / ".remembered" / f"{name}.files.json"

    @staticmethod
    def traits(found: os.stat_result) -> list[int]:
        """What tells one state of a file from another."""
        return [found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]

    @classmethod
    def key(cls, package: WorkingTree) -> str:
        """A digest over all paths and their traits."""
        digest = hashlib.sha256()
        for name, found in package.files.items():
            digest.update(os.fsencode(f"{name}\0{cls.traits(found)}\n"))
        for name, other in package.others.items():
            digest.update(os.fsencode(f"{name}\0other {None if other is None else cls.traits(other)}\n"))
        return digest.hexdigest()

    def recall(self) -> Remembered | None:
        """The last snapshot, None when there was none or it cannot be read."""
        found = _read(self._path)
        try:
            return strict_json.convert(found, Remembered) if found else None
        except ValueError:  # of another version
            return None

    def previous(self) -> Mapping[str, tuple[Path, list[int]]]:
        """The files of the last snapshot: their copies in the cache and their traits when copied."""
        found = _read(self._files)
        root = self._cache / str(found.get("identifier", ""))
        traits = found.get("files", {})
        return {name: (root / name, list(values)) for name, values in traits.items()} if root.is_dir() else {}

    def remember(self, known: Remembered) -> None:
        """Keep it for the next time. What cannot be written is not remembered, and that is all."""
        with contextlib.suppress(OSError):
            private.make_folder(self._path.parent)
            durable.write(self._path, strict_json.encode(to_builtins(known)), synced=False)

    def remember_files(self, identifier: str, files: Mapping[str, os.stat_result]) -> None:
        """Keep what `previous` gives."""
        with contextlib.suppress(OSError):
            private.make_folder(self._files.parent)
            traits = {name: self.traits(found) for name, found in files.items()}
            durable.write(self._files, strict_json.encode({"identifier": identifier, "files": traits}), synced=False)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
