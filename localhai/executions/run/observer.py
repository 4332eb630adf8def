"""What an execution tells whoever watches it. The runner calls; the command line, tests and servers listen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.executions.log.log import EventStream


class Observer:
    """Hears everything and does nothing: subclass and override. Called from several threads, never at once."""

    watches_metadata = False  # only then is `metadata` called: looking at a million lines takes time

    def started(self, execution: Mapping[str, Any]) -> None:
        """The execution has an id and a counter (its JSON shape, docs/json.md)."""

    def reused(self, execution: Mapping[str, Any]) -> None:
        """An earlier execution takes the place of the one that would have begun; `finished` follows at once."""
        self.started(execution)

    def looked(self, lines: Sequence[str]) -> None:
        """Why an earlier execution is taken, or why none is: `status` has said the same, line by line."""

    def status(self, text: str) -> None:
        """A line about what localhai does for this execution; also in its log as stream `status`."""

    def output(self, stream: EventStream, data: bytes) -> None:
        """Bytes of the container, masked, in order, in any pieces."""

    def metadata(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Metadata events as they come, in order."""

    def progress(self, what: str, name: str, done: int, total: int | None) -> None:
        """Bytes of something long: `what` is `input` or `image`. `done == total` at its end."""

    def finished(self, execution: Mapping[str, Any]) -> None:
        """The state is final (JSON shape)."""
