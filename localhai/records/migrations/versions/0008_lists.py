"""Indexes for lists of executions: newest first, of one project, status or step, without sorting all of them.

Revision ID: 0008
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_index("executions_project", "executions", ["project_id", "id"])
    op.create_index("executions_project_status", "executions", ["project_id", "status", "id"])
    op.create_index("executions_project_step", "executions", ["project_id", "step", "id"])
    op.drop_index("executions_status", "executions")
    op.create_index("executions_status", "executions", ["status", "id"])
