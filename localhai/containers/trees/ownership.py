"""Whose files they are: what a container writes as root ends up with the user who runs localhai."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.containers.engine import Mount, helper_spec
from localhai.errors import SurroundingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localhai.containers.engine import Engine, EngineInfo, Image

INSIDE = "/localhai"
SET_IDS = stat.S_ISUID | stat.S_ISGID
ROOT_NAMES = frozenset({"", "0", "root"})


def is_root(user: str) -> bool:
    """Whether an image's USER ("", "0", "root", "root:root", "0:0"...) is root."""
    return user.partition(":")[0] in ROOT_NAMES


def must_be_open(image: Image, info: EngineInfo) -> bool:
    """Whether folders handed to the container must be writable for everybody.

    So that a container user who is neither root nor us can write: the image's own, or root mapped to some other
    number. Rootless engines map root to us.
    """
    return info.remapped or not is_root(image.user)


def foreign(folder: str) -> Iterator[str]:
    """Paths under `folder`, itself included, that do not belong to us; folders we may not look into among them."""
    ours = os.geteuid()
    if os.lstat(folder).st_uid != ours:
        yield folder
    pending = [folder]
    while pending:
        here = pending.pop()
        try:
            entries = os.scandir(here)
        except PermissionError:
            yield here
            continue
        with entries:
            for entry in entries:
                if entry.stat(follow_symlinks=False).st_uid != ours:
                    yield entry.path
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)


def reclaim(engine: Engine, image: str, folder: str, labels: Mapping[str, str]) -> bool:
    """Make everything under `folder` ours, links themselves and not what they point to; False when it cannot be done.

    As root we do it; otherwise a helper container of the same image does, in that folder only. Costs a look at each
    file when there is nothing to do, and one container start (about 0.25 s) when there is.
    """
    first = next(foreign(folder), None)
    if first is None:
        return True
    if os.geteuid() == 0:
        for path in [first, *foreign(folder)]:
            with contextlib.suppress(FileNotFoundError):
                os.chown(path, 0, os.getegid(), follow_symlinks=False)
        return True
    info = engine.info()
    owner = "0:0" if info.rootless else f"{os.geteuid()}:{os.getegid()}"
    code = helper(engine, image, ("chown", "-Rh", owner, INSIDE), folder, labels)
    return code == 0 and next(foreign(folder), None) is None


def disarm(folder: str) -> list[str]:
    """Take away what must not outlast its container: devices go, setuid and setgid bits are cleared.

    Gives the names of the devices, relative to `folder`. What is not ours, or goes meanwhile, stays as it is.
    """
    gone = []
    for here, _folders, names in os.walk(folder):
        for path in (here, *(os.path.join(here, name) for name in names)):
            with contextlib.suppress(OSError):
                mode = os.lstat(path).st_mode
                if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                    os.unlink(path)
                    gone.append(os.path.relpath(path, folder))
                elif mode & SET_IDS and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                    os.chmod(path, stat.S_IMODE(mode) & ~SET_IDS)
    return gone


def helper(engine: Engine, image: str, command: tuple[str, ...], folder: str, labels: Mapping[str, str]) -> int | None:
    """Run a command as root over one folder of this machine; its exit code, None when the image cannot run it."""
    spec = helper_spec(image, labels, Mount(folder, INSIDE), command=command, user="0:0")
    try:
        return engine.run(replace(spec, host_users=True))[0]
    except SurroundingsError:
        return None


def remove_tree(folder: str) -> bool:
    """Delete a folder and all below it; False when something resists. Gone already is fine."""
    if not os.path.lexists(folder):
        return True
    try:
        with os.scandir(folder) as entries:
            inside = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except PermissionError:
        if not _unlock(folder):
            return False
        return remove_tree(folder)
    results = [remove_tree(path) if is_folder else _unlink(path, folder) for path, is_folder in inside]
    gone = all(results)  # after all were tried
    if gone:
        try:
            os.rmdir(folder)
        except OSError:
            return not os.path.lexists(folder)
    return gone


def _unlink(path: str, folder: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return True
    except OSError:
        return _unlock(folder) and _unlink(path, folder)
    return True


def _unlock(folder: str) -> bool:
    """Give ourselves a folder that we own but may not read or write; False when that changed nothing."""
    try:
        before = stat.S_IMODE(os.lstat(folder).st_mode)
        if before & stat.S_IRWXU == stat.S_IRWXU:
            return False
        os.chmod(folder, stat.S_IRWXU)
        return True
    except OSError:
        return False
