"""The schema of new records in SQLite: localhai/records/schema.sql, what all migrations make of an empty database.

`python scripts/schema.py` writes it after a new migration; a test holds it against the migrations.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from localhai.records.sqlite import SCHEMA, SqliteDatabase


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "localhai.db")
        database = SqliteDatabase(path)
        database.migrate()
        database.close()
        SCHEMA.write_text(script(path), encoding="utf-8")
    print(SCHEMA)
    return 0


def script(path: Path) -> str:
    """The statements that make a database like the one at `path`, which has no rows but the number of its version."""
    with closing(sqlite3.connect(path)) as connection:
        statements = [line for line in connection.iterdump() if line not in {"BEGIN TRANSACTION;", "COMMIT;"}]
    lines = [line.rstrip() for line in "\n".join(statements).splitlines()]
    return "-- Written by scripts/schema.py from the migrations.\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
