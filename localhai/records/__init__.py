"""What is remembered: projects, executions, data (map.md, "State"). Imports neither SQLAlchemy nor Alembic."""

from __future__ import annotations

from localhai.records.data import DatumRecord
from localhai.records.database import Patience
from localhai.records.executions import ExecutionRecord
from localhai.records.ids import new_id
from localhai.records.owners import Owner
from localhai.records.projects import Project
from localhai.records.records import Records
from localhai.records.transitions import StatusChange

__all__ = [
    "DatumRecord",
    "ExecutionRecord",
    "Owner",
    "Patience",
    "Project",
    "Records",
    "StatusChange",
    "new_id",
]
