"""What executions are compared by when one may take the place of another, and the state of their outputs.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "execution_keys",
        sa.Column("execution_id", ID, sa.ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("parts", sa.Text, nullable=False),  # JSON: digests by part and name
        sa.Column("outputs", sa.Text, nullable=False),  # JSON: size, mtime and inode by id of the datum
    )
    op.create_index("execution_keys_key", "execution_keys", ["project_id", "key", "execution_id"])
    op.create_index("execution_keys_step", "execution_keys", ["project_id", "step", "execution_id"])
