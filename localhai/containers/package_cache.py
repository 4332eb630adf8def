"""Downloads of pip, uv, conda and apt, shared by all steps: half of all projects install packages on each run.

One folder per kind of container user (root, or any other) is mounted at `INSIDE`: pip trusts a cache of root's only
when root owns it. Every tool there is safe for several containers at once: pip and uv rename finished files into place;
apt, which locks its folder, has one of its own in each container, filled with links after `apt-get update` and emptied
into the shared one before packages are unpacked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from localhai.containers import labels, ownership
from localhai.containers.engine import ContainerSpec, Mount
from localhai.containers.locking import alone

if TYPE_CHECKING:
    from localhai.containers.archives import Entry
    from localhai.containers.engine import Engine, Image
    from localhai.containers.tree import FileTree

INSIDE = "/var/cache/localhai"
LAYOUT = 1  # a folder of another layout is filled anew
FOLDERS = ("pip", "uv", "conda", "apt")
ENVIRONMENT: Mapping[str, str] = {
    "PIP_CACHE_DIR": f"{INSIDE}/pip",
    "UV_CACHE_DIR": f"{INSIDE}/uv",
    "UV_LINK_MODE": "copy",  # the cache is on another file system: hard links fail there, with a warning
    "CONDA_PKGS_DIRS": f"{INSIDE}/conda",
    "APT_CONFIG": f"{INSIDE}/apt.conf",
}
_APT_OWN = "/var/cache/apt/localhai"
_APT_CONF = f"""\
// by localhai: downloaded packages are kept and shared
Dir::Cache::archives "{_APT_OWN}/";
APT::Keep-Downloaded-Packages "true";
Binary::apt::APT::Keep-Downloaded-Packages "true";
APT::Update::Post-Invoke {{ "sh {INSIDE}/apt-fill || true"; }};
DPkg::Pre-Invoke {{ "sh {INSIDE}/apt-keep || true"; }};
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


class PackageCache(Struct, frozen=True):
    """What a container needs: variables that a step's own ones beat, and mounts."""

    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()


NONE = PackageCache()


def prepare(engine: Engine, home: Path, image: Image, tree: FileTree) -> PackageCache:
    """The cache for a container of this image, made when it is missing.

    A folder of HOME/cache/packages, or a labelled volume where the engine does not see this machine's folders. Costs
    next to nothing once it is there; else, unless we are who root is inside, a container that is never started.
    """
    kind = "root" if ownership.is_root(image.user) else "user"
    make = _volume if tree.way == "volumes" else _folder
    environment = dict(ENVIRONMENT)
    if "PIP_NO_CACHE_DIR" in image.environment:
        environment["PIP_NO_CACHE_DIR"] = ""  # images say so to stay small, which is of no use here
    return PackageCache(environment, (make(engine, home, image, kind),))


def clear(engine: Engine, home: Path, image: str = "") -> bool:
    """Delete all cached packages; False when files of root's resist. `image`: any that has `chown`, for those."""
    for volume in engine.volumes({labels.CACHE: None}):
        engine.remove_volume(volume)
    folder = str(home / "cache" / "packages")
    if ownership.remove_tree(folder):
        return True
    if image:
        ownership.reclaim(engine, image, folder, {labels.HELPER: "packages"})
    return ownership.remove_tree(folder)


def _folder(engine: Engine, home: Path, image: Image, kind: str) -> Mount:
    folder = home / "cache" / "packages" / f"{kind}-{LAYOUT}"
    mount = Mount(str(folder), INSIDE)
    if not (folder / "apt.conf").exists():
        with alone(f"packages {folder}", home / "cache" / "locks"):
            if not (folder / "apt.conf").exists():
                folder.mkdir(parents=True, exist_ok=True)
                _fill(engine, image, kind, mount)
    return mount


def _volume(engine: Engine, home: Path, image: Image, kind: str) -> Mount:
    name = f"localhai-packages-{kind}-{LAYOUT}"
    mount = Mount(name, INSIDE, kind="volume")
    wanted = {labels.CACHE: name}
    if name not in engine.volumes(wanted):
        with alone(f"packages {engine.info().place} {name}", home / "cache" / "locks"):
            if name not in engine.volumes(wanted):
                engine.create_volume(name, wanted)
                _fill(engine, image, kind, mount)
    return mount


def _fill(engine: Engine, image: Image, kind: str, mount: Mount) -> None:
    """Put the first folders and files there, owned by root inside whoever that is on this machine."""
    spec = ContainerSpec(
        name="",
        image=image.id,
        command=("true",),
        labels={labels.HELPER: "packages"},
        mounts=(mount,),
        user="0:0",
        network="none",
    )
    from localhai.containers import archives

    container = engine.create(spec)
    try:
        engine.put_archive(container, "/", archives.pack(_entries(opened=kind == "user")))
    finally:
        engine.remove(container)


def _entries(*, opened: bool) -> Iterator[Entry]:
    from localhai.containers.archives import Entry

    mode = 0o777 if opened else 0o755
    for name in ("", *(f"/{folder}" for folder in FOLDERS)):
        yield Entry(f"{INSIDE[1:]}{name}", mode=mode)
    files = {
        "apt-fill": _APT_FILL,
        "apt-keep": _APT_KEEP,
        "apt.conf": _APT_CONF,
    }  # the last one tells that all is there
    for name, text in files.items():
        yield Entry(os.path.join(INSIDE[1:], name), text.encode(), 0o644)
