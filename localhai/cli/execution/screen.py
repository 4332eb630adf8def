"""What a person sees of a running execution: the step's own output, and what localhai says beside it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from localhai.cli import formats, output
from localhai.cli.execution.progress import Progress
from localhai.cli.execution.streams import make_stream
from localhai.executions.run.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Mapping

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
