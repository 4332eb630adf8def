"""How many executions of each project were deleted: so the length of a list is known without counting its rows.

Revision ID: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(
        "INSERT INTO counters (project_id, noun, value)"
        " SELECT c.project_id, 'deleted execution', c.value - n.number FROM counters c"
        " JOIN (SELECT p.id AS project_id, count(e.id) AS number FROM projects p"
        " LEFT JOIN executions e ON e.project_id = p.id GROUP BY p.id) n ON n.project_id = c.project_id"
        " WHERE c.noun = 'execution' AND c.value > n.number"
    )
