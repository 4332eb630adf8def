"""Tar streams in and out of containers. What comes out is a stranger's: nothing may land outside its folder."""

from __future__ import annotations

import contextlib
import os
import stat
import tarfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from msgspec import Struct, field

from localhai.system import names

BLOCK = 1 << 20


class ArchiveMember(Struct, frozen=True):
    """One thing to pack. `source` is a file of this machine, the bytes themselves, or None for a folder.

    `link` makes it a symbolic link instead. Everything belongs to root inside.
    """

    name: str
    source: Path | bytes | None = None
    mode: int = 0o755
    link: str | None = None
    time: float = field(default_factory=time.time)


def tree_entries(folder: Path, name: str, *, opened: bool) -> Iterator[ArchiveMember]:
    """A folder of this machine as entries under `name`; `opened` makes them writable for everybody."""
    yield ArchiveMember(name, mode=0o777 if opened else stat.S_IMODE(folder.stat().st_mode) | stat.S_IRWXU)
    with os.scandir(folder) as found:
        for item in found:
            below = f"{name}/{item.name}"
            if item.is_symlink():
                yield ArchiveMember(below, mode=0o777, link=os.readlink(item.path))
            elif item.is_dir():
                yield from tree_entries(Path(item.path), below, opened=opened)
            elif item.is_file():
                status = item.stat()
                mode = stat.S_IMODE(status.st_mode) | (0o666 if opened else stat.S_IWUSR)
                yield ArchiveMember(below, Path(item.path), mode, time=status.st_mtime)


def pack(entries: Iterable[ArchiveMember]) -> BinaryIO:
    """A tar stream made while it is read: no file is held in memory, nothing is written to disk."""
    return cast("BinaryIO", _Reader(_packed(entries)))


def unpack(stream: Iterator[bytes], folder: Path, *, strip: int = 1) -> list[str]:
    """Unpack into a folder without its first `strip` path parts; gives the names that were left out.

    Only files, folders and links inside; pipes, sockets and devices are left out, as is everything that would lead out
    of the folder: absolute names, `..`, ways through symbolic links. Symbolic links themselves are kept as they are,
    unread. Everything is ours, and readable for us.
    """
    left_out: list[str] = []
    os.makedirs(folder, exist_ok=True)
    apart = _Apart(folder)
    with tarfile.open(fileobj=cast("BinaryIO", _Reader(stream)), mode="r|", bufsize=BLOCK) as archive:
        for member in archive:
            parts = _parts(member.name, strip)
            if parts == []:
                continue
            if parts is None or apart.is_lost(parts, member) or not _place(archive, member, str(folder), parts, strip):
                left_out.append(member.name)
    return left_out


class _Apart:
    """Whether a file would be written over another one, from which the disk does not tell it apart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._first: dict[str, list[str]] = {}
        self._folds: bool | None = None

    def is_lost(self, parts: list[str], member: tarfile.TarInfo) -> bool:
        if member.isdir() or self._first.setdefault(names.folded("/".join(parts)), parts) == parts:
            return False
        if self._folds is None:
            self._folds = names.folds(self._folder)
        return self._folds


def below_top(name: str) -> str:
    """The name of a member as seen from the folder that was packed."""
    return name.partition("/")[2]


def _parts(name: str, strip: int) -> list[str] | None:
    """The parts of a name below the folder; None for one that leads out."""
    if name.startswith("/"):
        return None
    parts = [part for part in name.split("/") if part not in {"", "."}]
    return None if ".." in parts else parts[strip:]


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: str, parts: list[str], strip: int) -> bool:
    parent = _real_folder(folder, parts[:-1])
    if parent is None:
        return False
    target = os.path.join(parent, parts[-1])
    if member.isdir():
        made = _real_folder(folder, parts)
        if made is not None:
            os.chmod(made, (member.mode & 0o777) | stat.S_IRWXU)
        return made is not None
    if os.path.isdir(target) and not os.path.islink(target):
        return False
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target)
    if member.issym():
        os.symlink(member.linkname, target)
        return True
    if member.islnk():
        return _link(folder, _parts(member.linkname, strip), target)
    return member.isreg() and _write(archive, member, target)


def _real_folder(folder: str, parts: list[str]) -> str | None:
    """The folder of these parts, made where it is missing; None when something else is in the way."""
    for part in parts:
        folder = os.path.join(folder, part)
        try:
            os.mkdir(folder)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(folder).st_mode):
                return None
    return folder


def _link(folder: str, source: list[str] | None, target: str) -> bool:
    if not source:
        return False
    parent = _real_folder(folder, source[:-1])
    path = os.path.join(parent, source[-1]) if parent else ""
    if not path or not os.path.lexists(path) or not stat.S_ISREG(os.lstat(path).st_mode):
        return False
    os.link(path, target)
    return True


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: str) -> bool:
    reading = archive.extractfile(member)
    if reading is None:
        return False
    with open(target, "xb") as writing:
        while data := reading.read(BLOCK):
            writing.write(data)
        os.fchmod(writing.fileno(), (member.mode & 0o777) | stat.S_IRUSR)
    os.utime(target, (member.mtime, member.mtime))
    return True


def _packed(entries: Iterable[ArchiveMember]) -> Iterator[bytes]:
    for entry in entries:
        info = tarfile.TarInfo(entry.name)
        info.mode, info.mtime = entry.mode, int(entry.time)
        if entry.link is not None:
            info.type, info.linkname = tarfile.SYMTYPE, entry.link
            yield _header(info)
        elif entry.source is None:
            info.type = tarfile.DIRTYPE
            yield _header(info)
        elif isinstance(entry.source, bytes):
            info.size = len(entry.source)
            yield _header(info)
            yield entry.source
            yield _padding(info.size)
        else:
            yield from _packed_file(info, entry.source)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _packed_file(info: tarfile.TarInfo, path: Path) -> Iterator[bytes]:
    with open(path, "rb") as reading:
        left = info.size = os.fstat(reading.fileno()).st_size
        yield _header(info)
        while left:
            data = reading.read(min(BLOCK, left))
            if not data:
                raise OSError(f"{path} became shorter while it was copied")
            left -= len(data)
            yield data
        yield _padding(info.size)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _padding(size: int) -> bytes:
    return b"\0" * (-size % tarfile.BLOCKSIZE)


class _Reader:
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            rest, self._rest = self._rest, b""
            return rest + b"".join(self._chunks)
        parts, missing = [], size
        while missing > 0:
            if not self._rest:
                self._rest = next((chunk for chunk in self._chunks if chunk), b"")  # an empty one is not the end
                if not self._rest:
                    break
            parts.append(self._rest[:missing])
            self._rest = self._rest[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)
