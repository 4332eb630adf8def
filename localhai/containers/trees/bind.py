"""The /valohai tree as bind mounts: the engine sees this machine's folders."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from localhai.containers.copying import (
    OPEN_FOLDER,
    Size,
    can_clone,
    copy_tree,
    full_disk_is_said,
    link_or_copy,
    weigh,
)
from localhai.containers.engine import Mount
from localhai.containers.trees import layout, ownership
from localhai.containers.trees.layout import CONFIG, INPUTS, OUTPUTS, REPOSITORY
from localhai.errors import SurroundingsError
from localhai.system.copies import copy_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.containers.engine import Engine, Image
    from localhai.containers.trees.layout import TreeContents

LAYERED = ("repository", "inputs")
WRITE_BITS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class BindTree(layout.EngineTree):
    """A `FileTree` of folders on this machine.

    `overlay` tells whether the engine can mount overlay volumes; it is only asked when a tree is big enough to gain.
    Cached files and the code snapshot are never mounted writable: a container gets copies, a layer above them, or
    read-only mounts (`layout.choose`).
    """

    def __init__(self, engine: Engine, image: Image | None, *, overlay: Callable[[Path], bool] | None = None) -> None:
        super().__init__(engine, image, opened=image is not None and ownership.must_be_open(image, engine.info()))
        self._overlay = overlay

    @property
    def way(self) -> Literal["bind", "volumes"]:
        return "bind"

    def prepare(self, contents: TreeContents) -> tuple[Mount, ...]:
        self._take(contents)
        if self._opened:
            contents.outputs.chmod(OPEN_FOLDER)
        config = contents.scratch / "config"
        layout.write_config(config, contents.config)
        return (
            self._repository(),
            *self._inputs(),
            Mount(str(contents.outputs), OUTPUTS),
            Mount(str(config), CONFIG, read_only=True),
        )

    def fill(self, container: str) -> None:
        """Everything is mounted: nothing to do."""

    def read_only_outputs(self, container: str) -> list[Path]:
        """See `FileTree`. Costs one look at each file of outputs, and a rename for each that is taken."""
        outputs = str(self.contents.outputs)
        found = [path for path in _regular_files(outputs) if not os.lstat(path).st_mode & WRITE_BITS]
        if found and os.geteuid() != 0:
            self._make_ours(container, [path for path in found if not _may_take(path)], outputs)
        taken: list[Path] = []
        for path in found:
            target = layout.live_target(self.contents.scratch, os.path.relpath(path, outputs))
            try:
                os.rename(path, target)
            except OSError:  # it stays where it is and is collected at the end
                continue
            ownership.disarm(os.path.dirname(target))
            taken.append(target)
        if os.geteuid() == 0:
            for target in taken:
                os.chown(target, 0, os.getegid(), follow_symlinks=False)
        return taken

    def _make_ours(self, container: str, files: list[str], outputs: str) -> None:
        """Let us move files out of folders that the container's root made: one command inside, as root."""
        names = [os.path.relpath(path, outputs) for path in files]
        names = [name for name in names if name.isprintable()]  # others cannot be said to the engine
        if not names:
            return
        owner = "0:0" if self._engine.info().rootless else f"{os.geteuid()}:{os.getegid()}"
        folders = sorted({f"{OUTPUTS}/{os.path.dirname(name)}" for name in names})
        with contextlib.suppress(SurroundingsError):
            self._engine.execute(container, ("chown", "-h", owner, *(f"{OUTPUTS}/{name}" for name in names)), user="0")
            self._engine.execute(container, ("chmod", "a+rwx", *folders), user="0")

    def finish(self, container: str | None) -> list[str]:
        """Outputs become ours: see `ownership.reclaim`. An image without `chown`: they are copied out instead.

        Raises SurroundingsError when neither works.
        """
        if self._contents is None:  # it was never prepared: nothing is there
            return []
        contents = self._contents
        outputs = str(contents.outputs)
        if ownership.reclaim(self._engine, self._helper_image(container), outputs, contents.labels):
            return []
        if container is None:
            raise SurroundingsError(
                f"{outputs} holds files of another user", where=outputs, hints=[f"sudo chown -R $USER {outputs}"]
            )
        from localhai.containers.trees import archives

        fresh = contents.scratch / "outputs"
        left_out = archives.unpack(self._engine.get_archive(container, OUTPUTS), fresh)
        os.rename(outputs, contents.scratch / "outputs-of-the-container")
        os.rename(fresh, outputs)
        return [archives.below_top(name) for name in left_out]

    def remove(self, container: str | None) -> None:
        """Raises SurroundingsError naming what could not be deleted."""
        if self._contents is None:
            return
        contents = self._contents
        image = self._helper_image(container)
        for name in LAYERED:
            if layout.layer(contents.scratch, name).exists():
                if container is not None:
                    self._engine.remove(container)  # a volume in use cannot be removed
                self._engine.remove_volume(self._volume(name))
        scratch = str(contents.scratch)
        if ownership.remove_tree(scratch):
            return
        ownership.reclaim(self._engine, image, scratch, contents.labels)
        if not ownership.remove_tree(scratch):
            raise SurroundingsError(
                f"{scratch} could not be deleted: files of another user are in it",
                where=scratch,
                hints=[f"sudo rm -rf {scratch}"],
            )

    def _helper_image(self, container: str | None) -> str:
        """The image for helpers: known, or told by the container that was taken over. Empty when nobody knows."""
        if self._image is not None:
            return self._image.id
        state = self._engine.state(container) if container is not None else None
        return state.image if state is not None else ""

    def _volume(self, name: str) -> str:
        return f"localhai-{self.contents.key}-{name}"

    def _repository(self) -> Mount:
        contents, source = self.contents, str(self.contents.repository)
        size = weigh(source, enough=layout.SMALL)
        # below an overlay the snapshot keeps its modes, so a user who is not root could not write
        way = layout.choose(size, clone=False, overlay=not self._opened and layout.is_big(size) and self._can_overlay())
        if way == "overlay":
            return self._overlaid("repository", source, REPOSITORY)
        target = str(contents.scratch / "repository")
        copy_tree(source, target, opened=self._opened)
        return Mount(target, REPOSITORY)

    def _inputs(self) -> list[Mount]:
        contents = self.contents
        files = contents.inputs
        top = str(contents.scratch / "inputs")
        layout.make_folders(str(contents.scratch), top, opened=self._opened)
        if not files:
            return [Mount(top, INPUTS)]
        size = Size(sum(os.stat(path).st_size for path in files.values()), len(files))
        big = layout.is_big(size)
        clone = big and can_clone(str(next(iter(files.values()))), top)
        way = layout.choose(size, clone=clone, overlay=big and not clone and self._can_overlay(), mountable=True)
        if way == "mounts":
            return [Mount(top, INPUTS), *self._mounted(top)]
        with full_disk_is_said(top):
            for name, path in files.items():
                target = self._place(top, name)
                if way == "overlay":
                    link_or_copy(str(path), target)
                else:
                    copy_file(str(path), target, mode=0o666 if self._opened else 0o644, follow=True)
        return [self._overlaid("inputs", top, INPUTS) if way == "overlay" else Mount(top, INPUTS)]

    def _mounted(self, top: str) -> list[Mount]:
        for name in self.contents.inputs:
            Path(self._place(top, name)).touch()
        return [Mount(str(path), f"{INPUTS}/{name}", read_only=True) for name, path in self.contents.inputs.items()]

    def _place(self, top: str, name: str) -> str:
        """The path of an input file, its folders made."""
        target = layout.inside(top, name)
        layout.make_folders(top, os.path.dirname(target), opened=self._opened)
        return target

    def _can_overlay(self) -> bool:
        contents = self.contents
        if self._overlay is None or not layout.can_be_layered(contents.scratch, contents.repository):
            return False
        return self._overlay(contents.scratch)

    def _overlaid(self, name: str, lower: str, target: str) -> Mount:
        contents = self.contents
        layer = layout.layer(contents.scratch, name)
        options = layout.overlay_options(lower, layer)
        if self._opened:
            (layer / "upper").chmod(OPEN_FOLDER)
        self._engine.create_volume(self._volume(name), contents.labels, options)
        return Mount(self._volume(name), target, kind="volume")


def _regular_files(folder: str) -> list[str]:
    return [
        path
        for here, _folders, names in os.walk(folder)
        for path in (os.path.join(here, name) for name in names)
        if stat.S_ISREG(_mode(path))
    ]


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _may_take(path: str) -> bool:
    return os.access(os.path.dirname(path), os.W_OK | os.X_OK) and os.lstat(path).st_uid == os.geteuid()
