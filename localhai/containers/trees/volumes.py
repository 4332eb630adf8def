"""The /valohai tree as one volume, filled and emptied through the engine: it does not see this machine's folders."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Literal

from localhai.containers.engine import Mount, helper_spec
from localhai.containers.trees import archives, layout, ownership
from localhai.containers.trees.layout import CONFIG, INPUTS, OUTPUTS, REPOSITORY
from localhai.errors import DiskFull, EngineLost, SurroundingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.containers.engine import Engine, Image
    from localhai.containers.trees.layout import TreeContents

TOP = "/valohai"
LIVE = f"{TOP}/.localhai-live"
FETCHED = "fetched"
_FIND = "find . -type f ! -perm -0200 ! -perm -0020 ! -perm -0002 -print0"
_MOVE = 'batch=$1; shift; for f; do mkdir -p "$batch/${f%/*}" && mv -- "$f" "$batch/$f"; done'


class VolumeTree(layout.EngineTree):
    """A `FileTree` of one labelled volume per execution.

    /valohai/config is writable for root inside: a volume has one mode for all of it. Nothing that is cached can be
    reached from there, so nothing but the execution itself can be harmed.
    """

    def __init__(self, engine: Engine, image: Image | None) -> None:
        super().__init__(engine, image, opened=image is not None and not ownership.is_root(image.user))

    @property
    def way(self) -> Literal["bind", "volumes"]:
        return "volumes"

    @property
    def volume(self) -> str:
        return self.name_of(self.contents)

    @staticmethod
    def name_of(contents: TreeContents) -> str:
        """The name of the volume that holds a tree."""
        return f"localhai-{contents.key}"

    def prepare(self, contents: TreeContents) -> tuple[Mount, ...]:
        self._take(contents)
        self._engine.create_volume(self.volume, contents.labels)
        return (Mount(self.volume, TOP, kind="volume"),)

    def fill(self, container: str) -> None:
        """Send repository, inputs and config as one tar stream, made while it is sent."""
        self._engine.put_archive(container, "/", archives.pack(self._entries()))

    def read_only_outputs(self, container: str) -> list[Path]:
        """See `FileTree`. Costs a command in the container (about 0.1 s) per look, and three more when one is found.

        Needs `find`, `sh` and `mv` in the image; without them the files are collected at the end.
        """
        batch = f"{LIVE}/{os.urandom(4).hex()}"
        if not self._set_aside(container, batch):
            return []
        fresh = self.contents.scratch / "arriving"
        try:
            archives.unpack(self._engine.get_archive(container, batch), fresh)
        except FileNotFoundError:
            return []
        found = self._placed(fresh)
        with open(self.contents.scratch / FETCHED, "a", encoding="utf-8") as file:
            file.write(f"{os.path.basename(batch)}\n")
        with self._unless_it_ended():
            self._engine.execute(container, ("rm", "-rf", batch), user="0")
        return found

    def _set_aside(self, container: str, batch: str) -> bool:
        """Move read-only outputs into a folder of their own; False when there are none, or the step has ended."""
        with self._unless_it_ended():
            code, said = self._engine.execute(container, ("sh", "-c", f"cd {OUTPUTS} && {_FIND}"), user="0")
            names = [name.decode("utf-8", "surrogateescape") for name in said.split(b"\0") if name]
            names = [name for name in names if name.isprintable()]  # others cannot be said to the engine
            if code == 0 and names:
                script = f"cd {OUTPUTS} && {_MOVE}"
                self._engine.execute(container, ("sh", "-c", script, "sh", batch, *names), user="0")
                return True
        return False

    @staticmethod
    @contextlib.contextmanager
    def _unless_it_ended() -> Iterator[None]:
        """A step that ends meanwhile cannot run commands: what is left is collected at the end."""
        try:
            yield
        except EngineLost:
            raise
        except SurroundingsError:
            return

    def _placed(self, fresh: Path) -> list[Path]:
        found = []
        for here, _folders, names in os.walk(fresh):
            for name in names:
                path = os.path.join(here, name)
                target = layout.live_target(self.contents.scratch, os.path.relpath(path, fresh))
                os.rename(path, target)
                found.append(target)
        ownership.remove_tree(str(fresh))
        return found

    def finish(self, container: str | None) -> list[str]:
        """Bring the outputs here, whole or not at all. Without its container, by a helper that holds the volume.

        The engine leaves sockets out of its archives without a word: those are not among the names.
        """
        if self._contents is None:  # it was never prepared: nothing is there
            return []
        holder = container or self._helper()
        if holder is None:
            return []
        try:
            return [archives.below_top(name) for name in self._fetch(holder)]
        finally:
            if container is None:
                self._engine.remove(holder)

    def _fetch(self, holder: str) -> list[str]:
        """Gives the members of the archive that were left out."""
        contents = self.contents
        fresh = contents.scratch / "outputs"
        ownership.remove_tree(str(fresh))
        try:
            left_out = archives.unpack(self._engine.get_archive(holder, OUTPUTS), fresh)
            self._put_back(holder, fresh)
        except FileNotFoundError:
            return []  # the step removed the folder, or the container was never filled
        except OSError as error:
            raise DiskFull(f"the outputs do not fit: {error}", where=str(fresh)) from error
        for entry in os.listdir(fresh):
            target = os.path.join(contents.outputs, entry)
            if os.path.isdir(target) and not os.path.islink(target):
                ownership.remove_tree(target)
            os.replace(os.path.join(fresh, entry), target)
        return left_out

    def _put_back(self, holder: str, fresh: Path) -> None:
        """Outputs that were set aside and never fetched, because localhai died in between."""
        aside = self.contents.scratch / "aside"
        try:
            archives.unpack(self._engine.get_archive(holder, LIVE), aside)
        except FileNotFoundError:
            return
        for batch in set(os.listdir(aside)) - self._fetched():
            for here, _folders, names in os.walk(aside / batch):
                for name in names:
                    path = os.path.join(here, name)
                    target = fresh / os.path.relpath(path, aside / batch)
                    if not os.path.lexists(target):
                        target.parent.mkdir(parents=True, exist_ok=True)
                        os.rename(path, target)

    def _fetched(self) -> set[str]:
        """Batches of live outputs that are on this machine."""
        try:
            return set((self.contents.scratch / FETCHED).read_text(encoding="utf-8").split())
        except FileNotFoundError:
            return set()

    def _helper(self) -> str | None:
        """A container, made and never started, that holds the volume; None when the volume is gone."""
        contents = self.contents
        if self.volume not in self._engine.volumes(dict(contents.labels)):
            return None
        if self._image is None:
            raise SurroundingsError(f"the volume {self.volume} cannot be read: its image is gone")
        holds = Mount(self.volume, TOP, kind="volume")
        return self._engine.create(helper_spec(self._image.id, contents.labels, holds))

    def remove(self, container: str | None) -> None:
        """Raises SurroundingsError when scratch resists."""
        if self._contents is None:
            return
        if container is not None:
            self._engine.remove(container)  # a volume in use cannot be removed
        self._engine.remove_volume(self.volume)
        scratch = str(self.contents.scratch)
        if not ownership.remove_tree(scratch):
            raise SurroundingsError(f"{scratch} could not be deleted", where=scratch)

    def _entries(self) -> Iterator[archives.ArchiveMember]:
        contents, opened = self.contents, self._opened
        folder_mode, file_mode = (0o777, 0o666) if opened else (0o755, 0o644)
        yield from archives.tree_entries(contents.repository, REPOSITORY[1:], opened=opened)
        for top, mode in ((INPUTS, folder_mode), (OUTPUTS, folder_mode), (CONFIG, 0o555)):
            yield archives.ArchiveMember(top[1:], mode=mode)
        made: set[str] = set()
        for target, path in contents.inputs.items():
            name = layout.inside(INPUTS[1:], target)
            yield from self._folders(name, made, folder_mode)
            yield archives.ArchiveMember(name, path, file_mode, time=path.stat().st_mtime)
        for name, content in contents.config.items():
            mode = layout.config_mode(content) & 0o555
            yield archives.ArchiveMember(layout.inside(CONFIG[1:], name), content, mode)

    @staticmethod
    def _folders(name: str, made: set[str], mode: int) -> Iterator[archives.ArchiveMember]:
        parts = name.split("/")
        for end in range(3, len(parts)):
            folder = "/".join(parts[:end])
            if folder not in made:
                made.add(folder)
                yield archives.ArchiveMember(folder, mode=mode)
