"""Paths inside an open folder, as bytes: no link on the way is ever followed by the system."""

from __future__ import annotations

import os

HOPS = 40  # links that one link may lead through, as in Linux


def resolve(top: int, path: bytes, mounted_at: bytes) -> bytes | None:
    """Where a link inside the folder leads, without ever leaving it; None when it does or when it never ends.

    Absolute links are those of the container, which sees the folder at `mounted_at` (with a last `/`).
    """
    parts = list(reversed(path.split(b"/")))
    done: list[bytes] = []
    hops = 0
    while parts:
        part = parts.pop()
        if part in {b"", b"."}:
            continue
        if part == b"..":
            if not done:
                return None
            done.pop()
            continue
        target = _read_link(top, b"/".join([*done, part]))
        if target is None:
            done.append(part)
            continue
        hops += 1
        if hops > HOPS:
            return None
        if target.startswith(b"/"):
            if not target.startswith(mounted_at):
                return None
            target, done = target.removeprefix(mounted_at), []
        parts.extend(reversed(target.split(b"/")))
    return b"/".join(done)


def _read_link(top: int, path: bytes) -> bytes | None:
    """The target of a link whose folders are none; None when it is no link."""
    folder = _open_parent(top, path)
    if folder is None:
        return None
    try:
        return os.fsencode(os.readlink(os.path.basename(path), dir_fd=folder))
    except OSError:
        return None
    finally:
        os.close(folder)


def state(top: int, path: bytes) -> os.stat_result | None:
    """The lstat of a path inside; None when there is nothing or a link on the way."""
    folder = _open_parent(top, path)
    if folder is None:
        return None
    try:
        return os.stat(os.path.basename(path), dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    finally:
        os.close(folder)


def open_file(top: int, path: bytes) -> int | None:
    """A path inside, opened for reading; None when there is nothing or a link on the way."""
    folder = _open_parent(top, path)
    if folder is None:
        return None
    try:
        return os.open(
            os.path.basename(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
    except OSError:
        return None
    finally:
        os.close(folder)


def _open_parent(top: int, path: bytes) -> int | None:
    """The folder that holds a path, opened part by part without following links."""
    descriptor = os.dup(top)
    for part in path.split(b"/")[:-1]:
        try:
            below = open_folder(part, descriptor)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def open_folder(name: bytes, parent: int) -> int:
    """A folder in an open folder. Raises OSError, also when it is a link."""
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
