"""What a person sees of a running execution: the step's output, what localhai says beside it, and progress."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from localhai.cli import formats, output
from localhai.cli.execution.streams import make_stream
from localhai.executions.run.observer import Observer
from localhai.system.escaping import uncoloured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from localhai.executions.log.log import EventStream


class Screen(Observer):
    """Step stdout to stdout, step stderr and localhai's words to stderr; with `as_json` everything to stderr.

    `execution` is its JSON shape as last heard of. `quiet` hides localhai's words; with `as_json` also the output.
    """

    def __init__(self, step: str, *, as_json: bool, quiet: bool, progress: bool, prefix: bool) -> None:
        self.what = f"step {step}"
        self.execution: Mapping[str, Any] | None = None
        self._step = step
        self._quiet = quiet
        self._silent = quiet and as_json
        name = step if prefix and not quiet else ""
        self._streams = {
            "stdout": make_stream(sys.stderr if as_json else sys.stdout, name, exact=not as_json),
            "stderr": make_stream(sys.stderr, name, colour="yellow"),
        }
        self._progress = Progress(enabled=progress and not quiet)
        self._ending = ""

    def started(self, execution: Mapping[str, Any]) -> None:
        self.execution = execution
        self.what = f"execution #{execution['counter']}"
        self._ending = f"Execution #{execution['counter']} is "
        commit, image = formats.commit(execution["commit"]), execution["image"]
        self.status(f"execution #{execution['counter']} of {execution['project']}: {self._step}, {commit}, {image}")

    def reused(self, execution: Mapping[str, Any]) -> None:
        self.execution = execution

    def status(self, text: str) -> None:
        if self._quiet or (self._ending and text.startswith(self._ending)):  # the summary says it
            return
        self._clear()
        output.say(text)

    def output(self, stream: EventStream, data: bytes) -> None:
        if self._silent:
            return
        self._progress.stop()
        self._streams[stream].write(data)

    def progress(self, what: str, name: str, done: int, total: int | None) -> None:
        self._progress.advance(what, name, done, total)

    def finished(self, execution: Mapping[str, Any]) -> None:
        self.execution = execution
        self.close()

    def interrupted(self, text: str) -> None:
        """Said at once, from a signal handler, also when quiet."""
        self._clear()
        output.say(text)

    def close(self) -> None:
        """Finish lines that were begun. Twice is fine."""
        self._progress.stop()
        for stream in self._streams.values():
            stream.end()

    def _clear(self) -> None:
        self._progress.stop()
        for stream in self._streams.values():
            stream.clear()


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
