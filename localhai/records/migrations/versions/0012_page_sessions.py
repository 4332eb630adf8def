"""Sessions of the web page: digests of a code that waits to be used, or of the token that it became.

Revision ID: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
TIME = sa.String(27)


def upgrade() -> None:
    op.create_table(
        "page_sessions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("user_id", ID, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("code_sha256", sa.String(64), nullable=True, unique=True),
        sa.Column("token_sha256", sa.String(64), nullable=True, unique=True),
        sa.Column("created", TIME, nullable=False),
        sa.Column("expires", TIME, nullable=False),
    )
