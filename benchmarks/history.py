"""`execution list` and `task info`, whole processes, in a home with 100,000 recorded executions against one with 100.

Executions are run once and their rows copied, so that both homes differ in nothing but how much they remember.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from grid import YAML
from measure import Bench, Project, Row, localhai, ratio, run, side_by_side

if TYPE_CHECKING:
    from pathlib import Path

FEW, MANY = 100, 100_000
CHILDREN = 5
COMMANDS = {
    "execution list": ("execution", "list"),
    "execution list --status complete": ("execution", "list", "--status", "complete"),
    "task info": ("task", "info", "1"),
}


def measure(bench: Bench) -> list[Row]:
    project = Project(bench.folder, YAML)
    grid = f"number={','.join(map(str, range(CHILDREN)))}"
    run(localhai("task", "run", "noop", "--grid", grid), cwd=project.folder, env=project.environment)
    many = max(FEW, round(MANY * bench.scale))
    homes = {count: bench.folder / f"home-{count}" for count in (FEW, many)}
    for count, home in homes.items():
        shutil.copytree(project.home, home, symlinks=True)
        remember(home / "localhai.db", count)

    def seconds(words: tuple[str, ...], count: int) -> float:
        env = {**project.environment, "LOCALHAI_HOME": str(homes[count])}
        return run(localhai(*words), cwd=project.folder, env=env).seconds

    rows = []
    for name, words in COMMANDS.items():
        sides = side_by_side(
            lambda words=words: seconds(words, many), lambda words=words: seconds(words, FEW), bench.rounds_or(11)
        )
        rows.append(ratio(f"{name} with {many:,} recorded executions", f"with {FEW}", 1.5, sides))
    return rows


def remember(database: Path, count: int) -> None:
    """Copies of the last execution, with all that its tables hold of it, until there are `count`."""
    with closing(sqlite3.connect(database)) as connection, connection:
        (found,) = connection.execute("SELECT max(counter) FROM executions")
        row_id, first = connection.execute("SELECT id, counter FROM executions WHERE counter = ?", found).fetchone()
        ids = [(f"{row_id[:-6]}{number:06x}", first + number) for number in range(1, count - first + 1)]
        connection.execute("CREATE TEMP TABLE made (id TEXT, counter INTEGER)")
        connection.executemany("INSERT INTO made VALUES (?, ?)", ids)
        _copy(connection, "executions", {"id": "made.id", "counter": "made.counter"}, "id", row_id)
        _copy(connection, "status_changes", {"id": "NULL", "execution_id": "made.id"}, "execution_id", row_id)
        connection.execute("UPDATE counters SET value = max(value, ?) WHERE noun = 'execution'", (count,))
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(connection: sqlite3.Connection, table: str, changed: dict[str, str], key: str, value: str) -> None:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    listed = ", ".join(f'"{name}"' for name in names)
    chosen = ", ".join(changed.get(name, f'{table}."{name}"') for name in names)
    sql = f'INSERT INTO {table} ({listed}) SELECT {chosen} FROM {table}, made WHERE {table}."{key}" = ?'  # noqa: S608  # names of our own
    connection.execute(sql, (value,))
