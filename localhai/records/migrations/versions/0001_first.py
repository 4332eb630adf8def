"""Projects, executions, their changes of status, data, tags and aliases.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Ids sort by time as bytes, and ranges of them find prefixes: PostgreSQL must not sort them as words of a language.
ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
TIME = sa.String(27)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _projects()
    _executions()
    _data()


def _projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False, unique=True),
        sa.Column("created", TIME, nullable=False),
    )
    op.create_index("projects_name", "projects", ["name"])
    op.create_table(
        "counters",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("noun", sa.String(32), primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )


def _executions() -> None:
    op.create_table(
        "executions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("counter", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.Column("commit", sa.Text),
        sa.Column("title", sa.Text),
        sa.Column("environment", sa.Text),
        sa.Column("created", TIME, nullable=False),
        sa.Column("queued", TIME),
        sa.Column("started", TIME),
        sa.Column("finished", TIME),
        sa.Column("exit_code", sa.Integer),
        sa.Column("owner_host", sa.Text),
        sa.Column("owner_pid", BIG),
        sa.Column("owner_process_start", sa.Text),
        sa.Column("owner_boot_id", sa.Text),
        sa.Column("stop_requested", TIME),
        sa.Column("container_id", sa.Text),
        sa.Column("folder", sa.Text),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("project_id", "counter"),
    )
    op.create_index("executions_status", "executions", ["status"])
    op.create_table(
        "execution_tags",
        sa.Column("execution_id", ID, sa.ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_index("execution_tags_tag", "execution_tags", ["tag"])
    op.create_table(
        "status_changes",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("execution_id", ID, sa.ForeignKey("executions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.Column("old_status", sa.String(16)),
        sa.Column("new_status", sa.String(16), nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
    )
    op.create_index("status_changes_execution", "status_changes", ["execution_id"])


def _data() -> None:
    op.create_table(
        "data",
        sa.Column("id", ID, primary_key=True),
        # No foreign key: data of a deleted execution stay, as what later executions were made from.
        sa.Column("execution_id", ID, nullable=False),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("ctime", TIME, nullable=False),
        sa.Column("md5", sa.String(32), nullable=False),
        sa.Column("sha1", sa.String(40), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("properties", sa.Text, nullable=False),
        sa.Column("purged", TIME),
    )
    op.create_index("data_execution", "data", ["execution_id"])
    op.create_index("data_project", "data", ["project_id", "id"])
    op.create_index("data_sha256", "data", ["sha256"])
    op.create_table(
        "datum_tags",
        sa.Column("datum_id", ID, sa.ForeignKey("data.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_table(
        "datum_aliases",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("datum_id", ID, sa.ForeignKey("data.id"), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.Column("updated", TIME, nullable=False),
    )
    op.create_index("datum_aliases_datum", "datum_aliases", ["datum_id"])
