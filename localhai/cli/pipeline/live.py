"""The table of a pipeline's nodes, redrawn at the bottom of a terminal while output passes above it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.cli import formats, output
from localhai.system.escaping import uncoloured
from localhai.vocabulary import NODE_FINAL

if TYPE_CHECKING:
    from rich.console import RenderableType

REDRAWS = 4  # a second
MOST_ROWS = 12
_WAITS = frozenset({"created", "queued"})


class _Row(Struct):
    name: str
    status: str = "created"
    made: str = ""
    started: float | None = None
    ended: float | None = None

    def took(self, now: float) -> str:
        return "" if self.started is None else formats.duration((self.ended or now) - self.started)


class LiveTable:
    """Between `open` and `close` all that is written to stdout and stderr appears above the table."""

    def __init__(self, title: str, nodes: Sequence[str]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._title = title
        self._rows: Mapping[str, _Row] = {name: _Row(name) for name in nodes}
        self._live = Live(
            console=Console(file=sys.stderr, highlight=False, no_color=not output.is_coloured(sys.stderr)),
            get_renderable=self._table,
            refresh_per_second=REDRAWS,
            transient=True,
        )

    def open(self) -> None:
        """Show it."""
        self._live.start()

    def close(self) -> None:
        """Take it away. Twice is fine."""
        self._live.stop()

    def changed(self, node: str, status: str) -> None:
        """A node has another status."""
        row, now = self._rows[node], time.monotonic()
        row.status = status
        if status == "started":
            row.started, row.ended = now, None
        elif status in NODE_FINAL:
            row.ended = now

    def made(self, node: str, text: str) -> None:
        """What a node made: `#5`."""
        self._rows[node].made = text

    def _table(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        now = time.monotonic()
        table = Table(box=None, pad_edge=False)
        for name in ("Node", "Status", "Made", "Time"):
            table.add_column(name, style="", header_style="dim", no_wrap=True)
        for row in shown(list(self._rows.values())):
            colour = output.STATUS_COLOURS.get(row.status, "")
            table.add_row(Text(uncoloured(row.name)), Text(row.status, style=colour), row.made, row.took(now))
        return Group(
            Text(uncoloured(self._heading()), no_wrap=True, overflow="ellipsis"), table
        )  # no title: it wraps at the table

    def _heading(self) -> str:
        counts = Counter(row.status for row in self._rows.values())
        parts = [f"{count} {status}" for status, count in counts.items()]
        return f"{self._title}: {', '.join(parts)}"


def shown(rows: Sequence[_Row]) -> Sequence[_Row]:
    """All, or of many first those that run, then those that wait, then the latest that ended; in their order."""
    if len(rows) <= MOST_ROWS:
        return rows
    places = range(len(rows))

    def urgency(place: int) -> tuple[int, float]:
        row = rows[place]
        if row.status in NODE_FINAL:
            return 2, -(row.ended or 0.0)
        return (1, place) if row.status in _WAITS else (0, place)

    return [rows[place] for place in sorted(sorted(places, key=urgency)[:MOST_ROWS])]
