"""What a container writes, taken in: masked, on disk at once, searched for metadata, shown to the observer."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from localhai.executions.log.index import stored_lengths
from localhai.executions.log.log import LogWriter, read_stream
from localhai.executions.log.metadata import METADATA, MetadataCollector
from localhai.system.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from localhai.containers.engine import OutputStream, Stream
    from localhai.executions.log.metadata import Summary
    from localhai.executions.run.observer import Observer
    from localhai.executions.run.secrets import Masker
    from localhai.executions.run.stop_condition import StopCondition

RATE_WINDOW = 10.0
RATE_LIMIT = 500  # lines in a window: what the platform keeps (platform.md 2.5)


class Capture:
    """Everything that one execution writes. `pump` runs in a thread of its own; `status` may come from any.

    With `adopt` the folder holds what an earlier localhai took in: its metadata is found again in the log, and output
    is expected from the container's start, of which the part that is known is passed over.
    """

    def __init__(
        self,
        folder: Path,
        *,
        observer: Observer,
        masker: Masker,
        stop_condition: str | None = None,
        adopt: bool = False,
    ) -> None:
        self._lock = threading.Lock()
        if adopt:
            (folder / METADATA).unlink(missing_ok=True)
        self._log = LogWriter(folder)
        self._observer = observer
        self._masker = masker
        self._streams = {"stdout": masker.stream(), "stderr": masker.stream()} if masker else {}
        self._taken = stored_lengths(folder)
        self._skip = dict(self._taken)
        self._condition = _condition(stop_condition)
        self._window_start = 0.0
        self._window_lines = 0
        self._too_many_told = False
        self.condition_met = threading.Event()
        self.changed = threading.Event()
        self.last_output = time.monotonic()
        self.trouble: BaseException | None = None
        with ExitStack() as failing:  # nothing stays open of what could not be opened whole
            failing.callback(self._log.close)
            watched = self._look_at if self._condition or observer.watches_metadata else None
            self._metadata = MetadataCollector(folder, watched)
            failing.callback(self._metadata.leave)
            for data, time_of_data in read_stream(folder, "stdout") if adopt else ():
                self._metadata.feed(data, time_of_data)
            failing.pop_all()

    @property
    def summary(self) -> Summary:
        return self._metadata.summary

    def status(self, text: str, *, only_log: bool = False) -> None:
        """A line of ours into the log, stream `status`, and to the observer unless `only_log`."""
        text = self._masker.mask_text(clean(text))
        with self._lock:
            self._log.write("status", text.encode() + b"\n", time.time())
            if not only_log:
                self._observer.status(text)

    def pump(self, output: OutputStream) -> None:
        """Take in all that comes until the stream ends. An error is kept in `trouble` and raised in no thread."""
        try:
            for stream, data in output:
                self.take(stream, data)
        except Exception as error:  # noqa: BLE001  # the main thread decides what it means
            self.trouble = error
        finally:
            self.changed.set()

    def take(self, stream: Stream, data: bytes) -> None:
        """One piece of output."""
        data = self._without_what_is_known(stream, data)
        if not data:
            return
        self.last_output = time.monotonic()
        raw_length = len(data)
        if self._streams:
            data, raw_length = self._streams[stream].feed(data)
        self._store(stream, data, raw_length)

    def skip_what_is_stored(self) -> None:
        """From now on everything is heard again from the container's start: what the log has is passed over."""
        for masked in self._streams.values():
            masked.forget()
        self._skip = dict(self._taken)

    def end(self) -> None:
        """The streams are over: what was held back is stored, the summary saved."""
        for stream, masked in self._streams.items():
            self._store(stream, *masked.end())  # type: ignore[arg-type]  # the two streams of a container
        now = time.time()
        self._metadata.end(now)
        if self._metadata.not_finite:
            self.status("metadata held NaN or Infinity: stored as null (what the platform stores is unconfirmed)")
        if self._condition is not None and self._condition.trouble:
            self.status(
                f"stop-condition `{self._condition.expression}` could not be evaluated: {self._condition.trouble}"
            )

    def leave(self) -> None:
        """Close the files: another process, or a later moment of this one, goes on with `adopt`."""
        self._metadata.leave()
        self._log.close()

    def close(self) -> None:
        """After the last status line."""
        self._log.close()

    def _store(self, stream: Stream, data: bytes, raw_length: int) -> None:
        if not raw_length:
            return
        now = time.time()
        with self._lock:
            self._log.write(stream, data, now, raw_length=raw_length)
            self._taken[stream] += raw_length
            self._observer.output(stream, data)
        if stream == "stdout":
            self._metadata.feed(data, now)
        self._count_lines(data, now)

    def _without_what_is_known(self, stream: Stream, data: bytes) -> bytes:
        """An adopter hears everything from the start: what the log has already is passed over."""
        known = self._skip.get(stream, 0)
        if not known:
            return data
        self._skip[stream] = max(0, known - len(data))
        return data[known:]

    def _look_at(self, objects: Sequence[Mapping[str, Any]]) -> None:
        if self._observer.watches_metadata:
            self._observer.metadata(objects)
        if self._condition is not None and not self.condition_met.is_set() and self._condition.is_met_by(objects):
            self.condition_met.set()
            self.changed.set()

    def _count_lines(self, data: bytes, now: float) -> None:
        if self._too_many_told:
            return
        if now - self._window_start > RATE_WINDOW:
            self._window_start, self._window_lines = now, 0
        self._window_lines += data.count(b"\n")
        if self._window_lines > RATE_LIMIT:
            self._too_many_told = True
            self.status(
                "More than 50 lines a second are being written: Valohai drops what is beyond that, metadata included."
            )


def _condition(expression: str | None) -> StopCondition | None:
    if not expression:
        return None
    from localhai.executions.run.stop_condition import StopCondition

    return StopCondition(expression)
