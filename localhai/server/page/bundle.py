"""The built page, committed in `bundle/`: `manifest.json` and files whose names change with their content.

The manifest names the `entry` script and the `css` that the shell loads, beside what the build says of itself.
"""

from __future__ import annotations

import gzip
import json
import threading
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from localhai.errors import SurroundingsError
from localhai.system import strict_json

FOLDER = Path(__file__).parent / "bundle"
KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
_MANIFEST = "manifest.json"
_LEVEL = 9  # gzip's best: once for each file of a server


class Asset(Struct, frozen=True):
    """A file of the bundle: its bytes as they are, and gzipped."""

    kind: str
    raw: bytes
    packed: bytes


class Manifest(Struct, frozen=True):
    """What the shell loads."""

    entry: str
    css: tuple[str, ...] = ()


class Bundle:
    """The files of one folder, read when they are first asked for. Thread-safe."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._assets: dict[str, Asset] = {}
        self._lock = threading.Lock()

    @cached_property
    def manifest(self) -> Manifest:
        """Raises SurroundingsError where there is no bundle, or none that can be read."""
        path = self.folder / _MANIFEST
        try:
            return strict_json.convert(json.loads(path.read_bytes()), Manifest)
        except (OSError, ValueError) as error:
            raise SurroundingsError(
                "the web page is not built", where=str(path), hints=["in a clone, with Node.js: make page"]
            ) from error

    @cached_property
    def names(self) -> frozenset[str]:
        """Of files that a browser may ask for."""
        if not self.folder.is_dir():
            return frozenset()
        return frozenset(path.name for path in self.folder.iterdir() if path.suffix in KINDS and path.name != _MANIFEST)

    def asset(self, name: str) -> Asset | None:
        """None for what is no file of it, or not any more: a newer localhai may have been installed meanwhile."""
        if name not in self.names:
            return None
        with self._lock:
            if name not in self._assets:
                try:
                    raw = (self.folder / name).read_bytes()
                except FileNotFoundError:
                    return None
                kind = KINDS[Path(name).suffix]
                self._assets[name] = Asset(kind, raw, gzip.compress(raw, _LEVEL, mtime=0))
            return self._assets[name]
