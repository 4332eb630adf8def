"""One endpoint of a version on its way: what its stages share."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localhai.executions.log.capture import Capture
from localhai.executions.log.log import read_events
from localhai.executions.run.secrets import Masker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from localhai.containers.engine import OutputStream
    from localhai.executions.home import Home
    from localhai.executions.run.context import RunOptions
    from localhai.executions.run.observer import Observer
    from localhai.executions.run.stop import Interruption
    from localhai.project.snapshot import Snapshot
    from localhai.records.deployments import DeploymentVersion
    from localhai.settings import Settings

SHOWN = 12  # lines of a log behind an error
LOOK = 0.2  # seconds


def work_id(version_id: str, endpoint: str) -> str:
    """By what a process knows that it is at work on an endpoint."""
    return f"{version_id}/{endpoint}"


@dataclass
class Work:
    """An endpoint that is built or served. `folder` holds its log."""

    home: Home
    settings: Settings
    version: DeploymentVersion
    endpoint: str
    snapshot: Snapshot
    options: RunOptions
    interruption: Interruption
    observer: Observer
    folder: Path
    labels: Mapping[str, str]
    definition: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = self.version.endpoint(self.endpoint)
        self.definition = {} if found is None else found.definition
        self.folder.mkdir(parents=True, exist_ok=True)
        masker = Masker(self.options.secrets.values())
        self.capture = Capture(self.folder, observer=self.observer, masker=masker)

    def pump(self, output: OutputStream) -> None:
        """Take in output to its end, or until somebody interrupts."""
        thread = threading.Thread(target=self.capture.pump, args=(output,), daemon=True)
        thread.start()
        while thread.is_alive() and not self.interruption.asked:
            thread.join(LOOK)
        if self.interruption.asked:
            output.close()
            thread.join()

    def last_lines(self) -> list[str]:
        """What its log ends with."""
        events = (event.message for event in read_events(self.folder) if event.stream != "status")
        return list(deque(events, maxlen=SHOWN)) or ["it wrote nothing"]
