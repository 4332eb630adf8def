"""Packages of code as `vh --adhoc` makes them: the identifier of one, and its files.

The identifier of an ad-hoc commit is `~` and the SHA-256 of the package that `vh --adhoc` would upload.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
import zlib
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from localhai.errors import ProjectError

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


LARGEST = 8 << 30  # bytes unpacked; clients refuse to pack more than 1 GiB compressed
MOST_FILES = 100_000  # clients refuse to pack more than 10,000
_CHUNK = 1 << 18
_LARGEST_HEADER = 1 << 20  # bytes of one long name or extended header


def unpack(package: Path, target: Path) -> None:
    """The files of a package that was uploaded, into an empty folder. What comes over a network is not trusted.

    Refused are: absolute paths and `..`, links that lead out of the package, devices and other special files, files
    that unpack to more than a disk should hold. Nothing is ever written through a link.

    Raises ProjectError for what is refused or damaged, OSError.
    """
    try:
        with gzip.open(package, "rb") as packed:
            bounded = cast("IO[bytes]", _Bounded(packed))
            with tarfile.TarFile(fileobj=bounded) as tar:
                _Unpacking(target).take_all(tar)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise ProjectError(f"the package cannot be unpacked: {error}") from error
    _refuse_wandering_links(target)


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
