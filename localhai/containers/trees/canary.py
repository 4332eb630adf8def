"""Which way to reach files: found out once per engine and home, by a canary file, and remembered.

Inputs whose names this machine's disk does not tell apart, as the platform's Linux does, need volumes.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

from localhai.containers.engine import Mount, helper_spec
from localhai.containers.trees import layout
from localhai.containers.trees.bind import BindTree
from localhai.containers.trees.ownership import remove_tree
from localhai.errors import EngineLost, ImageNotFound, SurroundingsError
from localhai.system import durable, names, strict_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localhai.containers.engine import Engine, Image
    from localhai.containers.trees.layout import FileTree, TreeContents


MEMORY = "engine.json"
INSIDE = "/localhai"
LABELS = {"localhai.helper": "canary"}
LOOKS = (0.1, 0.3, 0.6, 1.0)  # seconds between looks: virtual machines see new files of their Mac a little later


def choose(engine: Engine, home: Path, image: Image | None, wanted: str = "auto") -> FileTree:
    """The tree for one execution: `wanted` is `bind`, `volumes`, or `auto` for what works.

    Without an image, to take over a container that is there already, only what is remembered can be used.

    The first call for an engine makes a container that is never started (about 0.03 s); later ones read a small file
    in HOME/cache. Another engine at the same address is noticed by its id.
    """
    folder = home / "cache"
    bind = wanted == "bind" or (
        wanted == "auto" and _known(engine, image, folder, "sees", lambda: sees(engine, image, folder))
    )
    if not bind:
        from localhai.containers.trees.volumes import VolumeTree

        return VolumeTree(engine, image)
    return BindTree(
        engine,
        image,
        overlay=lambda scratch: _known(engine, image, folder, "overlay", lambda: can_overlay(engine, image, scratch)),
    )


def sees(engine: Engine, image: Image | None, folder: Path) -> bool:
    """Whether the engine sees this machine's folders: a file put there is read back through a container."""
    token = os.urandom(16).hex().encode()
    place = folder / f"canary-{token[:8].decode()}"
    place.mkdir(parents=True)
    try:
        (place / "token").write_bytes(token)
        mount = Mount(str(place), INSIDE, read_only=True)
        found = _read_back(engine, image, mount, place)
        for pause in LOOKS:
            if found is None or found == token:
                break
            time.sleep(pause)
            found = _read_back(engine, image, mount, place)
        return found == token
    finally:
        remove_tree(str(place))


def can_overlay(engine: Engine, image: Image | None, scratch: Path) -> bool:
    """Whether the engine mounts overlay volumes over folders near `scratch`."""
    token = os.urandom(16).hex().encode()
    place = scratch / f"canary-{token[:8].decode()}"
    lower = place / "lower"
    lower.mkdir(parents=True)
    volume = f"localhai-canary-{token.decode()}"
    try:
        (lower / "token").write_bytes(token)
        engine.create_volume(volume, LABELS, layout.overlay_options(str(lower), place / "layer"))
        try:
            return _read_back(engine, image, Mount(volume, INSIDE, kind="volume"), place) == token
        finally:
            engine.remove_volume(volume)
    except (EngineLost, ImageNotFound):
        raise
    except SurroundingsError:
        return False
    finally:
        remove_tree(str(place))


def _read_back(engine: Engine, image: Image | None, mount: Mount, place: Path) -> bytes | None:
    """What a container, made and never started, holds as `token` in this mount; None when it cannot be made.

    Empty when there is no such file, or none yet.
    """
    from localhai.containers.trees import archives

    if image is None:
        return None
    container = None
    fresh = place / "back"
    try:
        container = engine.create(helper_spec(image.id, LABELS, mount, user="0:0"))
        archives.unpack(engine.get_archive(container, f"{INSIDE}/token"), fresh, strip=0)
        return (fresh / "token").read_bytes()
    except (EngineLost, ImageNotFound):
        raise
    except FileNotFoundError:
        return b""
    except (SurroundingsError, OSError):
        return None
    finally:
        if container is not None:
            engine.remove(container)


def _known(engine: Engine, image: Image | None, folder: Path, question: str, ask: Callable[[], bool]) -> bool:
    info = engine.info()
    key = f"{info.place} {info.id}"
    memory = _read(folder / MEMORY)
    known = memory.get(key, {}).get(question)
    if isinstance(known, bool):
        return known
    if image is None:
        return True
    found = ask()
    _remember(folder / MEMORY, info.place, key, question, found)
    return found


def _remember(file: Path, place: str, key: str, question: str, found: bool) -> None:
    """Two processes that ask at once write the same. Forgets the engine that was at this place before."""
    memory = {name: answers for name, answers in _read(file).items() if name == key or not name.startswith(f"{place} ")}
    memory.setdefault(key, {})[question] = found
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        durable.write(file, strict_json.encode(memory), mode=0o644, synced=False)


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in data.items() if isinstance(v, dict)} if isinstance(data, dict) else {}


def way_for(contents: TreeContents, wanted: str, say: Callable[[str], None]) -> str:
    """How files are to reach the container: `wanted`, or `volumes` in place of `auto` where a folder would lose some.

    Raises SurroundingsError where a folder is demanded.
    """
    pairs = names.alike(contents.inputs)
    if not pairs or wanted == "volumes":
        return wanted
    os.makedirs(contents.scratch, exist_ok=True)
    if not names.folds(contents.scratch):
        return wanted
    one, other = pairs[0]
    said = f"the inputs {one} and {other} are one file on this disk, which does not tell their names apart"
    if wanted == "auto":
        say(f"{said}: files reach the container by volumes")
        return "volumes"
    raise SurroundingsError(
        said,
        where=str(contents.scratch),
        hints=('set `files = "auto"` or "volumes" under [docker] in localhai.toml: volumes tell them apart',),
    )
