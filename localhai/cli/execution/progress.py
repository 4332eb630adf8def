"""Progress of inputs and images: bars on a terminal for what takes over a second, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from localhai.cli import formats, output
from localhai.system.escaping import uncoloured

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

PATIENCE = 1.0  # seconds before a bar is worth its place
SELDOM = 15.0  # seconds between two lines where no bar can be drawn


class Progress:
    """Told of every advance; decides what to show."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._since: dict[tuple[str, str], float] = {}
        self._bars: Bars | None = None
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def advance(self, what: str, name: str, done: int, total: int | None) -> None:
        """`done` of `total` bytes of an input or image; the total may be unknown."""
        if not self._enabled:
            return
        now = time.monotonic()
        key = (what, name)
        since = self._since.setdefault(key, now)
        if now - since < PATIENCE:
            return
        if output.is_terminal(sys.stderr):
            self._draw(key, done, total)
        elif now - since >= SELDOM and done != total:
            self._since[key] = now
            of = f" of {formats.size(total)}" if total else ""
            output.say(f"{what} {name}: {formats.size(done)}{of}")

    def stop(self) -> None:
        """Take the bars away; they come back with the next advance."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
            self._tasks.clear()

    def _draw(self, key: tuple[str, str], done: int, total: int | None) -> None:
        if self._bars is None:
            self._bars = _new_bars()
            self._bars.start()
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(uncoloured(" ".join(key)), total=total)
        self._bars.update(self._tasks[key], completed=done, total=total)
        if total is not None and done >= total:
            self._bars.update(self._tasks[key], visible=False)


def _new_bars() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(file=sys.stderr, no_color=not output.is_coloured(sys.stderr))
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True)
