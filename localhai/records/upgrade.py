"""The versions of the schema, and the way from one to the next. Alembic is imported only when there is a way to go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from localhai.errors import RecordsUnavailable

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from localhai.records.database import Database

# The files of migrations/versions, oldest first. One adds columns with a default, or tables, and takes nothing away: an
# older localhai that has the database open goes on with it.
VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012")
VERSION_TABLE = "localhai_version"  # not Alembic's default: Airflow keeps one of that name in its own database


def bring_up_to_date(database: Database) -> None:
    """Upgrade the schema when it is older than this localhai. Raises RecordsUnavailable when it is newer."""
    version = database.version()
    if version == VERSIONS[-1]:
        return
    if version is not None and version not in VERSIONS:
        raise RecordsUnavailable(
            f"the database of records is of a newer localhai: its schema is {version}, this one knows {VERSIONS[-1]}",
            where=database.where,
            hints=["upgrade localhai: `pip install --upgrade localhai`", "or use another home by LOCALHAI_HOME"],
        )
    database.upgrade()


def run_migrations(connection: Connection) -> None:
    """Run what is missing inside the transaction of `connection`, which holds the lock. None missing is fine."""
    import logging

    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
