"""The /valohai tree of one container, by either way of reaching files (map.md, "Two ways to reach files")."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct, field

if TYPE_CHECKING:
    from localhai.containers.engine import Mount

REPOSITORY = "/valohai/repository"
INPUTS = "/valohai/inputs"
OUTPUTS = "/valohai/outputs"
CONFIG = "/valohai/config"


class InputPlacement(Struct, frozen=True):
    """A cached file and where it stands under /valohai/inputs: `target` is `INPUT/relative/name`."""

    target: str
    path: Path


class TreeContents(Struct, frozen=True):
    """What goes into the tree.

    `repository` is a folder with the code snapshot (shared by executions: never handed to a container itself),
    `inputs` the files, `config` the files of /valohai/config by name, `outputs` the host folder where outputs end up,
    `scratch` a folder of this execution alone, free to use and to delete. `key` names the execution in volume names.
    """

    repository: Path
    inputs: tuple[InputPlacement, ...]
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
