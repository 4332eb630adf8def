"""Downloads of pip, uv, conda and apt, shared by all steps: half of all projects install packages on each run.

One folder per kind of container user (root, or any other) is mounted at `INSIDE`: pip trusts a cache of root's only
when root owns it; users of a server have folders of their own. Every tool there is safe for several containers at once:
pip and uv rename finished files into place; apt, which locks its folder, has one of its own in each container, filled
with links after `apt-get update` and emptied into the shared one before packages are unpacked.

A step may write anything into the cache, so nothing in it is ever run or read as configuration: that is ours, and
mounted read-only at `SETTINGS`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from localhai.containers import labels
from localhai.containers.engine import Engine, Image, Mount, helper_spec
from localhai.containers.trees import ownership
from localhai.system import durable
from localhai.system.locks import alone

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from localhai.containers.trees.archives import ArchiveMember
    from localhai.containers.trees.layout import FileTree

INSIDE = "/var/cache/localhai"
SETTINGS = "/var/cache/localhai-settings"
LAYOUT = 2  # a folder of another layout is filled anew
SWEPT = 3600.0  # seconds between two looks for devices and ids that steps left in a folder
FOLDERS = ("pip", "uv", "conda", "apt")
ENVIRONMENT: Mapping[str, str] = {
    "PIP_CACHE_DIR": f"{INSIDE}/pip",
    "UV_CACHE_DIR": f"{INSIDE}/uv",
    "UV_LINK_MODE": "copy",  # the cache is on another file system: hard links fail there, with a warning
    "CONDA_PKGS_DIRS": f"{INSIDE}/conda",
    "APT_CONFIG": f"{SETTINGS}/apt.conf",
}
_EARLIER = ("localhai-packages-root-1", "localhai-packages-user-1")  # volumes of earlier versions
_APT_OWN = "/var/cache/apt/localhai"
_APT_CONF = f"""\
// by localhai: downloaded packages are kept and shared
Dir::Cache::archives "{_APT_OWN}/";
APT::Keep-Downloaded-Packages "true";
Binary::apt::APT::Keep-Downloaded-Packages "true";
APT::Update::Post-Invoke {{ "sh {SETTINGS}/apt-fill || true"; }};
DPkg::Pre-Invoke {{ "sh {SETTINGS}/apt-keep || true"; }};
"""
_APT_FILL = f"""\
mkdir -p {_APT_OWN}/partial
for deb in {INSIDE}/apt/*.deb; do
  if [ -s "$deb" ] && [ ! -e "{_APT_OWN}/${{deb##*/}}" ]; then ln -s "$deb" {_APT_OWN}/; fi
done
"""
_APT_KEEP = f"""\
for deb in {_APT_OWN}/*.deb; do
  shared="{INSIDE}/apt/${{deb##*/}}"
  if [ -f "$deb" ] && [ ! -L "$deb" ] && [ ! -e "$shared" ]; then
    fresh="{INSIDE}/apt/.$(hostname)-$$"
    cp "$deb" "$fresh" && mv -f "$fresh" "$shared"
  fi
done
"""


_SETTINGS_FILES = {"apt-fill": _APT_FILL, "apt-keep": _APT_KEEP, "apt.conf": _APT_CONF}


class PackageCache(Struct, frozen=True):
    """What a container needs: variables that a step's own ones beat, and mounts."""

    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()


NONE = PackageCache()


def prepare(engine: Engine, home: Path, image: Image, tree: FileTree, *, user: str | None = None) -> PackageCache:
    """The cache for a container of this image, made when it is missing. `user` of a server has one of his own.

    A folder of HOME/cache/packages, or a labelled volume where the engine does not see this machine's folders. Costs
    next to nothing once it is there; else, unless we are who root is inside, a container that is never started.
    """
    kind = "root" if ownership.is_root(image.user) else "user"
    name = f"{kind}-{LAYOUT}" if user is None else f"{kind}-{LAYOUT}-{_name_of(user)}"
    made = _Maker(engine, home, image, opened=kind == "user")
    mounts = made.volumes(name) if tree.way == "volumes" else made.folders(name)
    environment = dict(ENVIRONMENT)
    if "PIP_NO_CACHE_DIR" in image.environment:
        environment["PIP_NO_CACHE_DIR"] = ""  # images say so to stay small, which is of no use here
    return PackageCache(environment, mounts)


def _name_of(user: str) -> str:
    """A user's id as a part of a name."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in user)


def clear(engine: Engine, home: Path, image: str = "") -> list[str]:
    """Delete all cached packages; a sentence for each thing that resists. `image`: any with `chown`, for root's files.

    Raises EngineLost.
    """
    from localhai.containers import reap

    ours = [name for name in reap.package_caches(engine) if name.startswith(prefix(home)) or name in _EARLIER]
    problems = reap.remove(engine, reap.Leftovers(volumes=tuple(ours)))
    folder = str(home / "cache" / "packages")
    if not ownership.remove_tree(folder) and image:
        ownership.reclaim(engine, image, folder, {labels.HELPER: "packages"})
    if not ownership.remove_tree(folder):
        problems.append(f"{folder} holds files of root's: sudo rm -r {folder}")
    return problems


class _Maker(Struct, frozen=True):
    """Makes what is missing of one cache, one process at a time."""

    engine: Engine
    home: Path
    image: Image
    opened: bool

    def folders(self, name: str) -> tuple[Mount, ...]:
        top = self.home / "cache" / "packages"
        folder = top / name
        mount = Mount(str(folder), INSIDE)
        if not (folder / FOLDERS[-1]).exists():
            with self._alone(str(folder)):
                if not (folder / FOLDERS[-1]).exists():
                    folder.mkdir(parents=True, exist_ok=True)
                    self._fill(mount, _folders(opened=self.opened))
        _sweep(folder)
        return mount, Mount(str(_settings(top)), SETTINGS, read_only=True)

    def volumes(self, name: str) -> tuple[Mount, ...]:
        settings = f"{prefix(self.home)}settings-{_digest()}"
        return (
            self._volume(f"{prefix(self.home)}{name}", INSIDE, lambda: _folders(opened=self.opened)),
            replace(self._volume(settings, SETTINGS, _settings_entries), read_only=True),
        )

    def _volume(self, name: str, target: str, entries: Callable[[], Iterator[ArchiveMember]]) -> Mount:
        mount = Mount(name, target, kind="volume")
        wanted = {labels.CACHE: name}
        if name not in self.engine.volumes(wanted):
            with self._alone(f"{self.engine.info().place} {name}"):
                if name not in self.engine.volumes(wanted):
                    self.engine.create_volume(name, wanted)
                    try:
                        self._fill(mount, entries())
                    except BaseException:
                        self.engine.remove_volume(name)  # one that is not filled would be taken for one that is
                        raise
        return mount

    def _alone(self, what: str) -> AbstractContextManager[bool]:
        return alone(f"packages {what}", self.home / "cache" / "locks")

    def _fill(self, mount: Mount, entries: Iterator[ArchiveMember]) -> None:
        """Put files and folders there, owned by root inside whoever that is on this machine."""
        from localhai.containers.trees import archives

        container = self.engine.create(helper_spec(self.image.id, {labels.HELPER: "packages"}, mount, user="0:0"))
        try:
            self.engine.put_archive(container, "/", archives.pack(entries))
        finally:
            self.engine.remove(container)


def _settings(top: Path) -> Path:
    """The folder of our own files, which no container can write to; what is not as it should be is made anew."""
    folder = top / f"settings-{_digest()}"
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    for name, text in _SETTINGS_FILES.items():
        path, content = folder / name, text.encode()
        if not path.is_file() or path.read_bytes() != content:
            durable.write(path, content, mode=0o644, synced=False)
    return folder


def _sweep(folder: Path) -> None:
    """Now and then: devices, setuid and setgid bits do not stay. What root made can be swept by root alone."""
    mark = folder.parent / f".swept-{folder.name}"
    with suppress(OSError):
        if mark.exists() and time.time() - mark.stat().st_mtime < SWEPT:
            return
        ownership.disarm(str(folder))
        mark.touch()


def prefix(home: Path) -> str:
    """Volumes of one home: another, which may use the same engine, clears its own."""
    return f"localhai-packages-{hashlib.sha256(str(home).encode()).hexdigest()[:8]}-"


def _digest() -> str:
    """Another version of ours has files of its own."""
    return hashlib.sha256(repr(_SETTINGS_FILES).encode()).hexdigest()[:12]


def _folders(*, opened: bool) -> Iterator[ArchiveMember]:
    from localhai.containers.trees.archives import ArchiveMember

    for name in ("", *(f"/{folder}" for folder in FOLDERS)):  # the last one tells that all is there
        yield ArchiveMember(f"{INSIDE[1:]}{name}", mode=0o777 if opened else 0o755)


def _settings_entries() -> Iterator[ArchiveMember]:
    from localhai.containers.trees.archives import ArchiveMember

    yield ArchiveMember(SETTINGS[1:], mode=0o755)
    for name, text in _SETTINGS_FILES.items():
        yield ArchiveMember(f"{SETTINGS[1:]}/{name}", text.encode(), 0o644)
