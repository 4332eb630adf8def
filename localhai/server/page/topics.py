"""What a stream can tell of: projects, a table, an execution, a log (page.md 6.2).

A topic has a `mark`, told by the times and sizes of files: as long as it is the same, nothing is read. Whoever runs an
execution, in whichever process, changes them.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from typing import Any

from msgspec import Struct

from localhai.app.changes import PACE, Mark, records_mark, stat
from localhai.app.table import table_of
from localhai.executions.log.follow import LOOK
from localhai.executions.log.index import LOG
from localhai.executions.log.metadata import METADATA
from localhai.records import ExecutionRecord
from localhai.server.page import executions, log, projects
from localhai.server.page.answers import Told
from localhai.server.page.visitors import Visitor, execution_of, project_of
from localhai.server.state import State
from localhai.system import strict_json
from localhai.vocabulary import FINAL

LINES = 500  # of an event
_DEAREST = 10.0  # times as long as a look took, at least, until the next
_KEPT = 256  # events of a topic after which a client that was cut off begins anew


class Said(Struct, frozen=True):
    """An event, its data encoded; `more`: the topic has more to say at once."""

    event: str
    data: bytes
    more: bool = False


class Topic:
    """Base of the topics. `cursor` says how far the client is."""

    pace = PACE

    def __init__(self, state: State, visitor: Visitor, name: str, cursor: Any = None) -> None:
        self.state, self.visitor, self.name = state, visitor, name
        self.cursor = self._start = cursor
        self._history: deque[tuple[int, Any]] = deque(maxlen=_KEPT)
        self._mark: Mark | None = None
        self._next = 0.0

    def is_due(self, now: float, records: Mark) -> bool:
        """Whether to look: something changed, the records by their mark or files, and the last look is a while ago."""
        return now >= self._next and (records, *self.files()) != self._mark

    def look(self) -> Said | None:
        """What came since the last look. Raises Told, LocalhaiError: it is gone, or cannot be asked."""
        mark, began = (records_mark(self.state.home), *self.files()), time.monotonic()
        said = self.read()
        took = time.monotonic() - began
        more = said is not None and said.more
        self._mark = None if more else mark
        self._next = 0.0 if more else began + max(self.pace, took * _DEAREST)
        return said

    def sent(self, number: int) -> None:
        """The event of this number said all up to where the topic is."""
        self._history.append((number, self.cursor))

    def rewind(self, number: int) -> None:
        """The client has the events up to this number."""
        while self._history and self._history[-1][0] > number:
            self._history.pop()
        self.cursor = self._history[-1][1] if self._history else self._start
        self._mark, self._next = None, 0.0

    def files(self) -> Mark:
        """Times and sizes of the files, beside the records, that it reads."""
        return ()

    def read(self) -> Said | None:
        """What is new after the cursor, which moves on."""
        raise NotImplementedError


class ProjectsTopic(Topic):
    """`projects`."""

    def read(self) -> Said | None:
        return self._when_changed("projects", projects.listed(self.state, self.visitor.user))

    def _when_changed(self, event: str, value: Any) -> Said | None:
        data = strict_json.quick(value)
        digest = hashlib.sha256(data).digest()
        if digest == self.cursor:
            return None
        self.cursor = digest
        return Said(event, data)


class TableTopic(Topic):
    """`table:PROJECT[:REVISION]`."""

    def __init__(self, state: State, visitor: Visitor, name: str, project_id: str, revision: str | None) -> None:
        super().__init__(state, visitor, name, revision)
        self._project_id = project_of(state, visitor, project_id).id
        self._table = table_of(state.home, self._project_id)

    def files(self) -> Mark:
        return tuple(stat(folder / METADATA) for folder in self._table.running)

    def read(self) -> Said | None:
        project_of(self.state, self.visitor, self._project_id)
        found = self._table.answer(self.cursor)
        before, self.cursor = self.cursor, found["revision"]
        if before is not None and not (found["whole"] or found["rows"] or found["removed"]):
            return None
        return Said("table", strict_json.quick(found))


class ExecutionTopic(ProjectsTopic):
    """Base of what is said of one execution."""

    def __init__(self, state: State, visitor: Visitor, name: str, execution_id: str, cursor: Any = None) -> None:
        super().__init__(state, visitor, name, cursor)
        self._row = execution_of(state, visitor, execution_id)

    def files(self) -> Mark:
        folder = os.path.join(self.state.home.folder, self._row.folder or ".")
        return stat(os.path.join(folder, LOG)), stat(os.path.join(folder, METADATA))

    def row(self) -> ExecutionRecord:
        """As it is now. Raises Told: it was deleted, or is another's by now."""
        self._row = execution_of(self.state, self.visitor, self._row.id)
        return self._row


class DetailsTopic(ExecutionTopic):
    """`execution:ID`."""

    def read(self) -> Said | None:
        return self._when_changed("execution", executions.shown(self.state, self.visitor, self.row()))


class LogTopic(ExecutionTopic):
    """`log:ID:FROM`. The cursor is the next line, and whether the end was told."""

    pace = LOOK

    def read(self) -> Said | None:
        line, told = self.cursor
        row = self.row()  # asked first: what was written before its end is there then
        page = log.lines(self.state, row, line, LINES)
        lines: Any = page["lines"]
        self.cursor = (line + len(lines), False)
        more = bool(lines) and self.cursor[0] <= int(str(page["total"]))
        complete = row.status in FINAL and not more
        self.cursor = (self.cursor[0], complete)
        if not lines and complete == told:
            return None
        return Said("log", strict_json.quick({"id": row.id, **page, "complete": complete}), more)


def topic(state: State, visitor: Visitor, name: str) -> Topic:
    """The topic of a name. Raises Told for one that is none, or not the visitor's to hear of."""
    kind, *rest = name.split(":")
    if kind == "projects" and not rest:
        return ProjectsTopic(state, visitor, name)
    if kind == "table" and 1 <= len(rest) <= 2:  # noqa: PLR2004  # PROJECT and REVISION
        return TableTopic(state, visitor, name, rest[0], rest[1] if len(rest) > 1 else None)
    if kind == "execution" and len(rest) == 1:
        return DetailsTopic(state, visitor, name, rest[0])
    if kind == "log" and len(rest) == 2:  # noqa: PLR2004  # ID and FROM
        return LogTopic(state, visitor, name, rest[0], (log.whole("FROM", rest[1], least=1), False))
    raise Told(400, f"There is no topic {name[:100]!r}.", ("projects, table:PROJECT, execution:ID, log:ID:FROM",))
