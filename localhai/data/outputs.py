"""What an execution left in its outputs folder: the files to keep, what is skipped and why (platform.md 5).

Nothing outside the folder is ever followed: folders and files are opened relative to an open folder, without
following links, and a link is resolved by hand inside the folder.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path

from msgspec import Struct, field

from localhai.data import inside, sidecars
from localhai.data.sidecars import NO_PROPERTIES, PROPERTIES_FILE, SIDECAR_SUFFIX, OutputProperties
from localhai.system.text import file_name

DEPTH = 200  # folders in folders; each holds a descriptor while it is looked at
SIDECAR_MAX = 64 << 20  # bytes; a larger one is no sidecar that a person meant
_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class OutputFile(Struct, frozen=True):
    """One file to keep. `name` is its path under outputs with `/`, valid UTF-8; `path` the bytes on this machine.

    For a link inside outputs, `path` is the file that it points to. `mtime` counts seconds since the epoch.
    """

    name: str
    path: Path
    size: int
    mtime: float
    properties: OutputProperties = NO_PROPERTIES


class SkippedOutput(Struct, frozen=True):
    """Something in outputs that is not kept. `name` is printable, `reason` completes "NAME is skipped: it is ..."."""

    name: str
    reason: str


class Scan(Struct, frozen=True):
    """All of an outputs folder, sorted by name.

    `warnings` are sentences about sidecars and names. `late` holds properties of outputs that were uploaded while the
    execution ran, by name: their sidecars were found now.
    """

    files: tuple[OutputFile, ...]
    skipped: tuple[SkippedOutput, ...] = ()
    warnings: tuple[str, ...] = ()
    late: Mapping[str, OutputProperties] = field(default_factory=dict)


def scan(folder: Path, *, uploaded: Collection[str] = ()) -> Scan:
    """Look at everything below an outputs folder. A missing folder has no files.

    `uploaded` names outputs that were uploaded live: sidecars that belong to them go to `late`.
    """
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return Scan(())
    try:
        return _Scanner(folder, top, frozenset(uploaded)).scan()
    finally:
        os.close(top)


class _Scanner:
    """One look. Paths inside are bytes relative to the folder, as the file system has them."""

    def __init__(self, folder: Path, top: int, uploaded: frozenset[str]) -> None:
        self._folder = os.fsencode(folder)
        self._top = top
        self._uploaded = uploaded
        self._found: dict[bytes, tuple[bytes, os.stat_result]] = {}  # relative path -> where its bytes are
        self._skipped: list[SkippedOutput] = []
        self._warnings: list[str] = []

    def scan(self) -> Scan:
        descriptor = os.dup(self._top)
        try:
            self._walk(descriptor, b"")
        finally:
            os.close(descriptor)
        said = self._take_sidecars()
        names = self._names()
        files = [self._file(relative, names[relative], said) for relative in self._found]
        late = {name: self._interpret(name, said.pop(name)) for name in sorted(self._uploaded & said.keys())}
        for name in sorted(said.keys() - set(names.values())):
            self._warnings.append(f"{PROPERTIES_FILE}: there is no output {name!r}")
        return Scan(
            files=tuple(sorted(files, key=lambda item: item.name)),
            skipped=tuple(sorted(self._skipped, key=lambda item: item.name)),
            warnings=tuple(self._warnings),
            late=late,
        )

    # What is there.

    def _walk(self, descriptor: int, relative: bytes) -> None:
        folders: list[bytes] = []
        for name in sorted(os.fsencode(name) for name in os.listdir(descriptor)):
            path = os.path.join(relative, name)
            state = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISDIR(state.st_mode):
                folders.append(name)
            elif stat.S_ISREG(state.st_mode):
                self._found[path] = (path, state)
            elif stat.S_ISLNK(state.st_mode):
                self._link(path)
            else:
                self._skip(path, _SPECIAL.get(stat.S_IFMT(state.st_mode), "not a regular file"))
        for name in folders:
            self._walk_below(descriptor, name, os.path.join(relative, name))

    def _walk_below(self, descriptor: int, name: bytes, relative: bytes) -> None:
        if relative.count(b"/") >= DEPTH:
            self._skip(relative, f"below {DEPTH} folders")
            return
        try:
            below = inside.open_folder(name, descriptor)
        except OSError as error:
            self._skip(relative, f"a folder that cannot be read ({error.strerror})")
            return
        try:
            self._walk(below, relative)
        finally:
            os.close(below)

    def _link(self, path: bytes) -> None:
        """A link to a regular file inside outputs is that file under another name (platform.md 5)."""
        target = inside.resolve(self._top, path, sidecars.CONTAINER_OUTPUTS.encode())
        if target is None:
            self._skip(path, "a link that leads out of outputs, in a circle or nowhere")
            return
        state = inside.state(self._top, target)
        if state is None or not stat.S_ISREG(state.st_mode):
            self._skip(path, "a link to something that is not a regular file")
            return
        self._found[path] = (target, state)

    def _skip(self, path: bytes, reason: str) -> None:
        self._skipped.append(SkippedOutput(file_name(path), reason))

    # What is said about it.

    def _take_sidecars(self) -> dict[str, dict[str, object]]:
        """Properties by name; the files that say them are taken out. Sidecars win over the jsonl (unconfirmed)."""
        said: dict[str, dict[str, object]] = {}
        listing = self._content(PROPERTIES_FILE.encode())
        if listing is not None:
            said = sidecars.parse_properties_file(listing, self._warnings.append)
            del self._found[PROPERTIES_FILE.encode()]
        suffix = SIDECAR_SUFFIX.encode()
        for path in [path for path in self._found if path.endswith(suffix)]:
            self._take_sidecar(path, path.removesuffix(suffix), said)
        return said

    def _take_sidecar(self, path: bytes, owner: bytes, said: dict[str, dict[str, object]]) -> None:
        name = file_name(owner)
        if owner not in self._found and name not in self._uploaded:
            self._warnings.append(f"{file_name(path)}: there is no output {name!r} beside it: it is kept as an output")
            return
        content = self._content(path)
        del self._found[path]
        try:
            said.setdefault(name, {}).update(sidecars.parse_sidecar(content or b""))
        except ValueError as error:
            self._warnings.append(f"{file_name(path)}: {error}: its properties are left out")

    def _content(self, path: bytes) -> bytes | None:
        """The bytes of a small file inside; None when it is none."""
        if path not in self._found or self._found[path][1].st_size > SIDECAR_MAX:
            return None
        descriptor = inside.open_file(self._top, self._found[path][0])
        if descriptor is None:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read(SIDECAR_MAX)

    def _interpret(self, name: str, data: Mapping[str, object]) -> OutputProperties:
        return sidecars.interpret(data, lambda text: self._warnings.append(f"properties of {name}: {text}"))

    # What it is called.

    def _names(self) -> dict[bytes, str]:
        """A valid UTF-8 name for each, none twice."""
        names = {path: path.decode() for path in self._found if _is_utf8(path)}
        taken = set(names.values())
        for path in self._found:
            if path not in names:
                name = file_name(path)
                while name in taken:
                    name += "%00"  # no name on disk can mean this
                taken.add(name)
                names[path] = name
                self._warnings.append(f"the name of an output is not UTF-8: it is kept as {name!r}")
        return names

    def _file(self, path: bytes, name: str, said: dict[str, dict[str, object]]) -> OutputFile:
        target, state = self._found[path]
        properties = self._interpret(name, said.pop(name)) if name in said else NO_PROPERTIES
        where = Path(os.fsdecode(os.path.join(self._folder, target)))
        return OutputFile(name, where, state.st_size, state.st_mtime, properties)


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True
