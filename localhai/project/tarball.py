"""The identifier of an ad-hoc commit: `~` and the SHA-256 of the package that `vh --adhoc` would upload."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class _HashingFile:
    """A write-only file that keeps nothing but the digest."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._position = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing is held back."""


def identify(tree: Path, files: Mapping[str, os.stat_result], *, compressed: bool = True) -> str:
    """The identifier of `files`, whose bytes are read from `tree` and whose modes, owners and times are as given.

    Built as `vh` builds it (platform.md 6): sorted names, gzip with mtime 0, mtimes of the files kept. Not
    compressed it takes a tenth of the time and names the same content, but is another identifier than that of `vh`.
    """
    sink = _HashingFile()
    if compressed:
        with gzip.GzipFile("data.tar", mode="w", fileobj=cast("BinaryIO", sink), mtime=0) as packed:
            _write_tar(cast("BinaryIO", packed), tree, files)
    else:
        _write_tar(cast("BinaryIO", sink), tree, files)
    return f"~{sink.digest.hexdigest()}"


def _write_tar(target: BinaryIO, tree: Path, files: Mapping[str, os.stat_result]) -> None:
    seen: dict[tuple[int, int], str] = {}
    owners: dict[tuple[int, int], tuple[str, str]] = {}
    with tarfile.open(mode="w", fileobj=target, encoding="utf-8", errors="surrogateescape") as tar:
        for name in sorted(files):
            found = files[name]
            entry = _entry(tree, name, found, seen)
            owner = (found.st_uid, found.st_gid)
            if owner not in owners:
                owners[owner] = _owner_names(*owner)
            entry.uname, entry.gname = owners[owner]
            if entry.isreg():
                with open(tree / name, "rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)


def _entry(tree: Path, name: str, found: os.stat_result, seen: dict[tuple[int, int], str]) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.uid, entry.gid, entry.mtime = found.st_mode, found.st_uid, found.st_gid, found.st_mtime
    inode = (found.st_ino, found.st_dev)
    if stat.S_ISLNK(found.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(tree / name)
    elif found.st_nlink > 1 and inode in seen:  # tar files name a second hard link, not its content
        entry.type, entry.linkname = tarfile.LNKTYPE, seen[inode]
    else:
        entry.type, entry.size = tarfile.REGTYPE, found.st_size
        seen[inode] = name
    return entry


def _owner_names(uid: int, gid: int) -> tuple[str, str]:
    try:
        import grp
        import pwd
    except ImportError:
        return "", ""
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = ""
    try:
        group = grp.getgrgid(gid).gr_name
    except KeyError:
        group = ""
    return user, group
