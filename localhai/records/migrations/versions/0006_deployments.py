"""Deployments, their versions with aliases, and the endpoints of those.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
TIME = sa.String(27)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "deployments",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_table(
        "deployment_versions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("deployment_id", ID, sa.ForeignKey("deployments.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("commit", sa.Text, nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("deployment_id", "name"),
    )
    op.create_table(
        "deployment_aliases",
        sa.Column("deployment_id", ID, sa.ForeignKey("deployments.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version_id", ID, sa.ForeignKey("deployment_versions.id"), nullable=False),
        sa.Column("updated", TIME, nullable=False),
    )
    op.create_table(
        "deployment_endpoints",
        sa.Column("version_id", ID, sa.ForeignKey("deployment_versions.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("started", TIME),
        sa.Column("finished", TIME),
        sa.Column("stop_requested", TIME),
        # Who builds or serves it now; NULL: nobody.
        sa.Column("owner_host", sa.Text),
        sa.Column("owner_pid", BIG),
        sa.Column("owner_process_start", sa.Text),
        sa.Column("owner_boot_id", sa.Text),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("deployment_endpoints_status", "deployment_endpoints", ["status"])
