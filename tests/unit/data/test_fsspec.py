"""Object stores behind fsspec, whose clients read block after block without a condition."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import pytest

from localhai.data import segments
from localhai.data.download import download
from localhai.data.sources import fsspec
from localhai.data.sources.fsspec import FsspecSource
from localhai.data.transfer import DownloadObserver
from localhai.data.uri import parse
from localhai.system.retry import Retry

if TYPE_CHECKING:
    from pathlib import Path


class Files:
    """A file system with one file, which somebody replaces once so many blocks of it were read."""

    def __init__(self, changes_after: int) -> None:
        self.content, self.version = b"1" * 1000, 1
        self.changes_after = changes_after
        self.reads = 0
        self.listed: dict[str, Any] | None = None
        self.lock = threading.Lock()

    def info(self, path: str) -> dict[str, Any]:  # noqa: ARG002
        self.listed = self.listed or {"type": "file", "size": len(self.content), "etag": str(self.version)}
        return self.listed

    def invalidate_cache(self) -> None:
        self.listed = None

    def open(self, path: str, mode: str, *, block_size: int) -> Any:  # noqa: ARG002
        return File(self)


class File(io.RawIOBase):
    def __init__(self, files: Files) -> None:
        self.files = files
        self.at = 0

    def seek(self, at: int, whence: int = 0) -> int:  # noqa: ARG002
        self.at = at
        return at

    def read(self, size: int = -1) -> bytes:
        with self.files.lock:
            self.files.reads += 1
            if self.files.reads == self.files.changes_after:
                self.files.content, self.files.version = b"2" * 1000, 2
            block = self.files.content[self.at : self.at + min(size, 100)]
        self.at += len(block)
        return block


@pytest.mark.parametrize("changes_after", [0, 1, 2, 5, 7, 10])
def test_a_file_that_is_replaced_while_it_comes_is_never_a_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes_after: int
) -> None:
    monkeypatch.setattr(segments, "SEGMENT", 300)
    monkeypatch.setattr(fsspec, "READ_AHEAD", 100)
    files = Files(changes_after)
    source = FsspecSource(lambda account: files)  # noqa: ARG005
    watch = DownloadObserver(advanced=lambda _: None, waiting=lambda _: None, cancelled=lambda: False)
    part = tmp_path / "part"

    found, _sums = download(source, source.stat(parse("gs://bucket/key")), part, tmp_path / "state", watch, Retry())

    assert part.read_bytes() in {b"1" * 1000, b"2" * 1000}
    assert found.version is not None
    assert found.version.startswith(part.read_bytes()[:1].decode())
