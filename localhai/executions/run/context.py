"""RunContext: one execution on its way, and what its stages hand to one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from localhai.executions.run.observer import Observer
from localhai.executions.run.secrets import Masker
from localhai.executions.run.stop import Interruption

if TYPE_CHECKING:
    from localhai.containers.engine import Image
    from localhai.containers.trees.layout import FileTree
    from localhai.data.files import InputFile, OnDemandFile
    from localhai.data.pins import Pins
    from localhai.executions.home import Home
    from localhai.executions.log.capture import Capture
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot
    from localhai.records import ExecutionRecord, Project
    from localhai.settings import Settings


class GroupMember(Protocol):
    """One execution of a distributed task, as its stages see it: `group.Member`."""

    @property
    def network(self) -> str:
        """The network of its container, in the engine's words, once it has joined."""

    def variables(self) -> dict[str, str]:
        """VH_DIST_* (platform.md 2.2)."""

    def join(self, context: RunContext, ports: Iterable[int]) -> None:
        """Take an address, and wait until every member has one."""

    def ready(self, context: RunContext) -> None:
        """Wait until every member could start."""

    def config(self) -> dict[str, Any]:
        """Its distributed.json, once it has joined."""


class Creator(Struct, frozen=True):
    """A user of the server's API, for whom something is run."""

    id: str
    name: str


class RunOptions(Struct, frozen=True):
    """How to run, beside what to run: nothing here changes what the platform would do.

    `env_file` is where `secrets` came from: it is recorded, they never are. `belonging` says what the execution is part
    of, by keys of execution.json without their prefix (platform.md 2.4): `task-id`, `task-counter`, `pipeline-id`...
    `reuse`: an earlier execution that equals it takes its place. `fail_on_cache_miss`: without one, nothing runs.
    `member` makes it one of the executions of a distributed task, which start together. `resolved` is what addresses
    of data meant when its task was created (`datums.Resolution.to_dict`): they mean that for all its executions.
    `creator` is for whom it is made, and by whose rights its addresses are read (`reading`); None is the person at this
    machine.
    `calls` gives what the container of an execution, by its id, may call (api.json, platform.md 2.4).
    """

    pull: str = "missing"
    secrets: Mapping[str, str] = field(default_factory=dict)
    env_file: str | None = None
    package_cache: bool = True
    keep: bool = False
    belonging: Mapping[str, Any] = field(default_factory=dict)
    member: GroupMember | None = None
    reuse: bool = False
    fail_on_cache_miss: bool = False
    resolved: Sequence[Mapping[str, Any]] = ()
    creator: Creator | None = None
    calls: Callable[[str], Mapping[str, Any]] | None = None

    @property
    def requester(self) -> str | None:
        """The creator's id."""
        return None if self.creator is None else self.creator.id


class RunContext(Struct):
    """Everything about one execution while it runs. `record` is its row as last written."""

    home: Home
    settings: Settings
    project: Project
    record: ExecutionRecord
    plan: ExecutionPlan
    folder: Path
    capture: Capture
    snapshot: Snapshot | None = None
    options: RunOptions = field(default_factory=RunOptions)
    observer: Observer = field(default_factory=Observer)
    interruption: Interruption = field(default_factory=Interruption)
    masker: Masker = field(default_factory=lambda: Masker(()))
    inputs: tuple[InputFile, ...] = ()
    on_demand: tuple[OnDemandFile, ...] = ()
    calls: Mapping[str, Any] = field(default_factory=dict)
    image: Image | None = None
    tree: FileTree | None = None
    container: str | None = None
    live_outputs: list[Path] = field(default_factory=list)
    pins: Pins | None = None
    stop_wished: Callable[[], bool | None] = lambda: None  # by the records, before its container runs
    seconds: Callable[[], float | None] = lambda: None  # since it was started; None where only the clock tells

    @property
    def scratch(self) -> Path:
        """Files of this execution that go with its container."""
        return self.folder / "scratch"

    def hold_inputs(self) -> Pins:
        """Cached inputs stay where they are until `let_go`: when the container has started, it has them."""
        self.pins = self.pins or self.home.data_cache.pins()
        return self.pins

    def is_asked_to_stop(self) -> bool:
        """By a signal, or from elsewhere."""
        return self.interruption.asked or bool(self.stop_wished())

    def let_go(self) -> None:
        """Twice is fine."""
        if self.pins is not None:
            self.pins.close()

    def update(self, **changes: Any) -> None:
        """Record facts other than the status."""
        self.record = self.home.records.executions.update(self.record.id, **changes)

    def record_inputs(self, inputs: Sequence[Mapping[str, Any]]) -> None:
        """Record what it got: `[{name, files}]`, and the uses of data for lineage."""
        self.record = self.home.records.uses.record_inputs(self.record.id, inputs)
