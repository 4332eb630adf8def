"""Tasks, and which executions they made.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
TIME = sa.String(27)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("counter", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("commit", sa.Text),
        sa.Column("created", TIME, nullable=False),
        sa.Column("finished", TIME),
        sa.Column("owner_host", sa.Text),
        sa.Column("owner_pid", BIG),
        sa.Column("owner_process_start", sa.Text),
        sa.Column("owner_boot_id", sa.Text),
        sa.Column("stop_requested", TIME),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("project_id", "counter"),
    )
    op.create_index("tasks_status", "tasks", ["status"])
    op.create_table(
        "task_children",
        sa.Column("task_id", ID, sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        # No foreign key: an execution may be deleted. After a resume a number may have several; the last one counts.
        sa.Column("execution_id", ID, primary_key=True),
    )
    op.create_index("task_children_execution", "task_children", ["execution_id"])
