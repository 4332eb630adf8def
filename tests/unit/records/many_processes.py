"""Run by tests: many processes at once on one database of records. `many_processes.py WHAT NUMBER HOME [URL]`.

Forked from one process that has imported all: the processes then really meet in the database. WHAT is `create` (each
makes one execution in one project and ends it), `open` (each opens the records, which may need their schema) or
`upgrade` (the same, where their schema is old).
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from localhai.records import Records


def create(records: Records, number: int) -> None:
    project = records.projects.of_folder("/a/news", "news")
    execution = records.executions.create(
        project.id, step=f"step-{number}", image="i", commit=None, document={}, owner=None
    )
    for status in ("queued", "started", "complete"):
        records.executions.transition(execution.id, status)


def child(what: str, number: int, home: Path, url: str | None, start: int) -> int:
    os.read(start, 1)  # ends for all at once, when the parent closes its side
    with Records.open(home, url) as records:
        if what == "create":
            create(records, number)
        return 0
    return 1


def main(what: str, number: int, home: Path, url: str | None) -> int:
    if what == "upgrade" or url:  # imported once, before the forks
        for name in ("alembic.command", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite"):
            importlib.import_module(name)
    start, gate = os.pipe()
    children = []
    for index in range(number):
        pid = os.fork()
        if pid == 0:
            os.close(gate)
            code = 1
            try:
                code = child(what, index, home, url, start)
            except BaseException as error:  # noqa: BLE001 - shown, and told by the exit code
                sys.stderr.write(f"{error!r}\n")
            finally:
                os._exit(code)
        children.append(pid)
    os.close(gate)
    return sum(os.waitpid(pid, 0)[1] != 0 for pid in children)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None))
