"""The /valohai tree of one container, by either way of reaching files (map.md, "Two ways to reach files").

How it is laid out on disk: what is decided, purely, and the small files that both ways write alike.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct, field

from localhai.containers.copying import OPEN_FOLDER, Size
from localhai.errors import SurroundingsError

if TYPE_CHECKING:
    from localhai.containers.engine import Engine, Image, Mount


REPOSITORY = "/valohai/repository"
INPUTS = "/valohai/inputs"
OUTPUTS = "/valohai/outputs"
CONFIG = "/valohai/config"


class TreeContents(Struct, frozen=True):
    """What goes into the tree.

    `repository` is a folder with the code snapshot (shared by executions: never handed to a container itself),
    `inputs` the cached files by where they stand under /valohai/inputs (`INPUT/relative/name`), `config` the files of
    /valohai/config by name, `outputs` the host folder where outputs end up, `scratch` a folder of this execution alone,
    free to use and to delete. `key` names the execution in volume names.
    """

    repository: Path
    inputs: Mapping[str, Path]
    config: Mapping[str, bytes]
    outputs: Path
    scratch: Path
    labels: Mapping[str, str] = field(default_factory=dict)
    key: str = ""


class FileTree(Protocol):
    """The tree of one execution. Two implementations: `bind.BindTree`, `volumes.VolumeTree`."""

    @property
    def way(self) -> Literal["bind", "volumes"]:
        """Which of the two ways to reach files this is."""

    def prepare(self, contents: TreeContents) -> tuple[Mount, ...]:
        """Make what the container needs before it is created. Nothing that a step does can change a cached file."""

    def resume(self, contents: TreeContents) -> None:
        """Instead of `prepare`: take over a tree that another localhai prepared and could not finish."""

    def fill(self, container: str) -> None:
        """Called between create and start; copies in what could not be mounted."""

    def read_only_outputs(self, container: str) -> list[Path]:
        """Live uploads (platform.md 5): files in outputs made read-only.

        Moved out to `scratch/live/N/relative/path` on this machine and gone from the container's view; gives those
        new paths.
        """

    def finish(self, container: str | None) -> list[str]:
        """After the container ended: outputs are in `contents.outputs`, owned by the user who runs localhai.

        Gives the names, below outputs, of what could not come along: pipes and devices through an archive.
        """

    def remove(self, container: str | None) -> None:
        """Delete repository, inputs, config copies and volumes of this execution; never the outputs."""


class EngineTree:
    """What both of them know: the engine, the image if there is one yet, and once there are some the contents.

    `opened`: the user of the container is neither root nor us, so what he may write is open to everybody.
    """

    def __init__(self, engine: Engine, image: Image | None, *, opened: bool) -> None:
        self._engine = engine
        self._image = image
        self._opened = opened
        self._contents: TreeContents | None = None

    @property
    def contents(self) -> TreeContents:
        if self._contents is None:
            raise RuntimeError("prepare() comes first")
        return self._contents

    def resume(self, contents: TreeContents) -> None:
        """See `FileTree`."""
        self._contents = contents

    def _take(self, contents: TreeContents) -> None:
        self._contents = contents
        contents.scratch.mkdir(parents=True, exist_ok=True)
        contents.outputs.mkdir(parents=True, exist_ok=True)


Way = Literal["copy", "overlay", "mounts"]

SMALL = Size(32 * 1024 * 1024, 2000)  # copied in less time than an overlay takes to mount (measured: 0.05 to 0.1 s)
MOST_MOUNTS = 200  # each costs the engine a mount; beyond this copying is the lesser evil


def is_big(size: Size) -> bool:
    """Whether plain copies would be felt."""
    return size.bytes > SMALL.bytes or size.files > SMALL.files


def choose(size: Size, *, clone: bool, overlay: bool, mountable: bool = False) -> Way:
    """How files that must not change reach a container that may write.

    Small things are copied. Big ones too where the disk shares blocks (`clone`); else they lie below an overlay; else
    single files are mounted read-only, as long as they are not too many; else they are copied after all.
    """
    if not is_big(size) or clone:
        return "copy"
    if overlay:
        return "overlay"
    return "mounts" if mountable and size.files <= MOST_MOUNTS else "copy"


def overlay_options(lower: str, layer: Path) -> dict[str, str]:
    """Options of a `local` volume that lays a writable layer over `lower`. Makes the layer's two folders."""
    upper, work = layer / "upper", layer / "work"
    upper.mkdir(parents=True)
    work.mkdir()
    return {"type": "overlay", "device": "overlay", "o": f"lowerdir={lower},upperdir={upper},workdir={work}"}


def layer(scratch: Path, name: str) -> Path:
    """Where the writable layer over `repository` or `inputs` is, when there is one."""
    return scratch / f"{name}-layer"


def live_target(scratch: Path, name: str) -> Path:
    """A new place `live/N/name` for an output that is taken while the step runs; its folders are made."""
    live = scratch / "live"
    live.mkdir(exist_ok=True)
    number = len(os.listdir(live))
    target = live / str(number) / name
    target.parent.mkdir(parents=True)
    return target


def live_outputs(scratch: Path) -> list[Path]:
    """What was taken while the step ran, in the order in which it was taken."""
    live = scratch / "live"
    found = [path for path in live.rglob("*") if path.is_file()] if live.exists() else []
    return sorted(found, key=lambda path: (int(path.relative_to(live).parts[0]), path))


def can_be_layered(*paths: Path) -> bool:
    """The kernel takes some signs in the paths of an overlay for separators."""
    return not any(sign in str(path) for path in paths for sign in ":,\\")


def write_config(folder: Path, files: Mapping[str, bytes]) -> None:
    """The files of /valohai/config: readable for all, and executable when they are scripts with a shebang."""
    folder.mkdir()
    folder.chmod(0o755)
    for name, content in files.items():
        path = inside(str(folder), name)
        with open(path, "xb") as writing:
            writing.write(content)
        os.chmod(path, config_mode(content))


def config_mode(content: bytes) -> int:
    return 0o755 if content.startswith(b"#!") else 0o644


def inside(folder: str, name: str) -> str:
    """The path of a name under a folder. Raises SurroundingsError for a name that leads out of it."""
    parts = name.split("/")
    if not name or "\0" in name or any(part in {"", ".", ".."} for part in parts):
        raise SurroundingsError(f"{name!r} is no name of a file inside {folder}")
    return os.path.join(folder, *parts)


def make_folders(top: str, folder: str, *, opened: bool) -> None:
    """Folders from `top`, which is there, down to `folder`; writable for everybody when `opened`."""
    missing = []
    while folder != top and not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for path in reversed(missing):
        os.mkdir(path)
        os.chmod(path, OPEN_FOLDER if opened else 0o755)
