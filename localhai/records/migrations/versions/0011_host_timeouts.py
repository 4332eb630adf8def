"""How long a process may be silent, as its own machine says: others may be set to wait less.

Revision ID: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("processes", sa.Column("timeout", sa.Float(53), nullable=True))
