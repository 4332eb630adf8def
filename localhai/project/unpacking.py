"""An uploaded package of code (`vh --adhoc`), unpacked as a snapshot. What comes over a network is not trusted.

Refused are: absolute paths and `..`, links that lead out of the package, devices and other special files, files that
unpack to more than a disk should hold. Nothing is ever written through a link.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from typing import IO, TYPE_CHECKING, Any, cast

from localhai.errors import ProjectError
from localhai.project.snapshot import making, settle

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 8 << 30  # bytes unpacked; clients refuse to pack more than 1 GiB compressed
MOST_FILES = 100_000  # clients refuse to pack more than 10,000
_CHUNK = 1 << 18
_LARGEST_HEADER = 1 << 20  # bytes of one long name or extended header


def unpack(package: Path, cache: Path, identifier: str) -> Path:
    """The folder with the package's files, under `cache/IDENTIFIER`; unpacked if it is not there yet.

    Raises ProjectError for what is refused or damaged, DiskFull.
    """
    path = cache / identifier
    if path.is_dir():
        os.utime(path)  # used now: pruning leaves it for a while
        return path
    with making(cache) as made:
        try:
            with gzip.open(package, "rb") as packed:
                bounded = cast("IO[bytes]", _Bounded(packed))
                with tarfile.TarFile(fileobj=bounded) as tar:
                    _Unpacking(made).take_all(tar)
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
            raise ProjectError(f"the package cannot be unpacked: {error}") from error
        _refuse_wandering_links(made)
        settle(made, path)
    return path


class _Bounded:
    """A file that gives little at a time: a header that claims to be a terabyte long finds nothing."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.name = "package"

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST_HEADER:
            raise tarfile.ReadError("a header is too long")
        found: bytes = self._file.read(size)
        self._check()
        return found

    def seek(self, position: int, whence: int = 0) -> int:
        if position > 2 * LARGEST:
            raise tarfile.ReadError("it is too large")
        return int(self._file.seek(position, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def _check(self) -> None:
        if self._file.tell() > 2 * LARGEST:
            raise tarfile.ReadError("it is too large")


class _Unpacking:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, Path] = {}
        self._links: set[str] = set()
        self._size = 0

    def take_all(self, tar: tarfile.TarFile) -> None:
        for number, member in enumerate(tar, 1):
            if number > MOST_FILES:
                raise ProjectError(f"the package has more than {MOST_FILES} files")
            self._take(tar, member)

    def _take(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = _safe_name(member.name)
        if not name:
            return  # the root itself
        if name in self._files or name in self._links:
            raise ProjectError(f"the package holds {name} twice")
        self._make_folder(name if member.isdir() else os.path.dirname(name))
        target = self._root / name
        if member.isdir():
            return
        if os.path.lexists(target):  # not by this name: the disk takes another one for it
            raise ProjectError(f"the package holds {name} and another file that is the same one on this disk")
        if member.issym():
            os.symlink(member.linkname, target)
            self._links.add(name)
        elif member.islnk():
            self._link(_safe_name(member.linkname), target)
            self._files[name] = target
        elif member.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and not member.issparse():
            self._write(tar, member, target)
            self._files[name] = target
        else:
            raise ProjectError(f"the package holds {name}, which is no file: devices, pipes and the like are refused")

    def _make_folder(self, name: str) -> None:
        """Folder by folder: none of them may be a link."""
        place = ""
        for part in name.split("/") if name else ():
            place = f"{place}/{part}" if place else part
            if place in self._links or place in self._files:
                raise ProjectError(f"the package holds files below {place}, which is no folder")
            (self._root / place).mkdir(exist_ok=True)

    def _link(self, name: str, target: Path) -> None:
        if name not in self._files:
            raise ProjectError(f"the package holds a link to {name}, which is none of its files")
        os.link(self._files[name], target)

    def _write(self, tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        self._size += member.size
        if self._size > LARGEST:
            raise ProjectError(f"the package unpacks to more than {LARGEST >> 30} GiB")
        source = tar.extractfile(member)
        left = member.size
        with open(target, "xb") as file:
            while left and source is not None:
                piece = source.read(min(left, _CHUNK))
                if not piece:
                    raise ProjectError(f"the package is cut off in {member.name}")
                file.write(piece)
                left -= len(piece)
        target.chmod(0o755 if member.mode & 0o100 else 0o644)
        os.utime(target, (member.mtime, member.mtime))


def _safe_name(name: str) -> str:
    """The path inside of the package, `""` for its root. Raises ProjectError for one that leads out."""
    if name.startswith("/") or "\0" in name or ".." in name.split("/"):
        raise ProjectError(f"the package holds {name!r}, which leads out of it")
    return os.path.normpath(name) if name.strip("./") else ""


def _refuse_wandering_links(root: Path) -> None:
    real = os.path.realpath(root)
    for place, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            if os.path.islink(path) and os.path.commonpath([real, os.path.realpath(path)]) != real:
                shown = os.path.relpath(path, root)
                raise ProjectError(f"the package holds the link {shown} -> {os.readlink(path)}, which leads out of it")
