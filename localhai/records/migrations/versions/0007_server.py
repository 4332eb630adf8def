"""What the REST API remembers: users, whose project is whose, variables of projects, commits, and its queue.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
TIME = sa.String(27)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("created", TIME, nullable=False),
    )
    op.create_table(
        "project_owners",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("user_id", ID, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
    )
    op.create_table(
        "project_variables",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("secret", sa.Boolean, nullable=False),
    )
    op.create_table(
        "commits",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("identifier", sa.Text, primary_key=True),
        sa.Column("yaml_path", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created", TIME, nullable=False),
    )
    op.create_table(
        "queue",
        # What waits for its turn or runs by the server: an execution, a pipeline or a task, by its id.
        sa.Column("id", ID, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("user_id", ID, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
    )
