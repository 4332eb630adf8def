"""What is remembered: projects, executions, data (DESIGN.md, "State"). Imports neither SQLAlchemy nor Alembic."""

from __future__ import annotations

from localhai.records.database import Patience
from localhai.records.ids import new_id
from localhai.records.records import Records
from localhai.records.rows import Alias, DatumRecord, Execution, Owner, Project, StatusChange
from localhai.records.statuses import FINAL, INCOMPLETE, Status, TransitionError, allowed

__all__ = [
    "FINAL",
    "INCOMPLETE",
    "Alias",
    "DatumRecord",
    "Execution",
    "Owner",
    "Patience",
    "Project",
    "Records",
    "Status",
    "StatusChange",
    "TransitionError",
    "allowed",
    "new_id",
]
