"""Signs of life of processes that own something: on another machine nobody can look whether they still run.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("owner_host", sa.Text, primary_key=True),
        sa.Column("owner_pid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("owner_process_start", sa.Text, primary_key=True),
        sa.Column("owner_boot_id", sa.Text, primary_key=True),
        # Seconds by the database's own clock: those of the machines may differ.
        sa.Column("seen", sa.Float(53), nullable=False),
        # What it ran was closed by another machine: its containers may still be where it was.
        sa.Column("given_up", sa.Boolean, nullable=False),
    )
