"""What fetching inputs and pulling images tells, in the words of the log and of progress bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.data.progress import FetchPlanned, FileAdvanced, FileDone, FileStarted, Waiting

if TYPE_CHECKING:
    from localhai.data.progress import ProgressEvent
    from localhai.executions.run.context import RunContext

BIG = 100 * 1000 * 1000  # bytes: a download of this size is announced before it starts
_UNITS = ("B", "kB", "MB", "GB", "TB")


class FetchReporter:
    """Listens to a fetch and tells the life's log and observer (status lines as platform.md 2.5 has them)."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._sizes: dict[tuple[str, str], int | None] = {}

    def __call__(self, event: ProgressEvent) -> None:
        if isinstance(event, FetchPlanned):
            self._planned(event)
        elif isinstance(event, FileStarted):
            self._sizes[event.input, event.name] = event.size
            if event.resumed:
                self._context.capture.status(f"{event.uri}: going on after {readable_size(event.resumed)}")
            self._advance(event.input, event.name, event.resumed)
        elif isinstance(event, FileAdvanced):
            self._advance(event.input, event.name, event.done)
        elif isinstance(event, FileDone):
            self._done(event)
        elif isinstance(event, Waiting):
            self._context.capture.status(f"{event.input}/{event.name}: {event.reason}" if event.name else event.reason)

    def _planned(self, event: FetchPlanned) -> None:
        if event.to_download >= BIG:
            count = f"{event.files} file{'s' if event.files != 1 else ''}"
            self._context.capture.status(f"Downloading {readable_size(event.to_download)} for the inputs ({count})")

    def _advance(self, input_name: str, name: str, done: int) -> None:
        size = self._sizes.get((input_name, name))
        self._context.observer.progress("input", f"{input_name}/{name}", done, size)

    def _done(self, event: FileDone) -> None:
        self._context.observer.progress("input", f"{event.input}/{event.name}", event.size, event.size)
        how = "in the cache" if event.cached else "downloaded"
        self._context.capture.status(f"{event.uri}: {how}, {readable_size(event.size)}")


def readable_size(size: float) -> str:
    """Bytes in decimal units, as the platform's log writes them: 28.9 kB."""
    for unit in _UNITS[:-1]:
        if size < 1000:  # noqa: PLR2004  # decimal units
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {_UNITS[-1]}"
