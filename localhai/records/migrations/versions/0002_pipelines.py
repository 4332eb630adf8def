"""Pipelines, their nodes, and every change of status of either.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
TIME = sa.String(27)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pipelines",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("counter", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("commit", sa.Text),
        sa.Column("created", TIME, nullable=False),
        sa.Column("started", TIME),
        sa.Column("finished", TIME),
        sa.Column("owner_host", sa.Text),
        sa.Column("owner_pid", BIG),
        sa.Column("owner_process_start", sa.Text),
        sa.Column("owner_boot_id", sa.Text),
        sa.Column("stop_requested", TIME),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("project_id", "counter"),
    )
    op.create_index("pipelines_status", "pipelines", ["status"])
    op.create_table(
        "pipeline_nodes",
        sa.Column("pipeline_id", ID, sa.ForeignKey("pipelines.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        # No foreign keys: an execution or a task may be deleted, and the pipeline remembers that it was there.
        sa.Column("execution_id", ID),
        sa.Column("task_id", ID),
        sa.Column("approved", TIME),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("pipeline_nodes_execution", "pipeline_nodes", ["execution_id"])
    op.create_index("pipeline_nodes_task", "pipeline_nodes", ["task_id"])
    op.create_table(
        "pipeline_changes",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("pipeline_id", ID, sa.ForeignKey("pipelines.id", ondelete="CASCADE"), nullable=False),
        sa.Column("node", sa.Text),  # NULL: of the pipeline itself
        sa.Column("time", TIME, nullable=False),
        sa.Column("new_status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
    )
    op.create_index("pipeline_changes_pipeline", "pipeline_changes", ["pipeline_id"])
