"""What is remembered: projects, executions, data (map.md, "State"). Imports neither SQLAlchemy nor Alembic."""

from __future__ import annotations

from localhai.records.database import Patience
from localhai.records.ids import new_id
from localhai.records.records import Records
from localhai.records.rows import Alias, AliasChange, DatumRecord, ExecutionRecord, Owner, Project, StatusChange
from localhai.records.uses import Use
from localhai.records.version_rows import Noun, Version, VersionRequest
from localhai.records.versions import VersionParent

__all__ = [
    "Alias",
    "AliasChange",
    "DatumRecord",
    "ExecutionRecord",
    "Noun",
    "Owner",
    "Patience",
    "Project",
    "Records",
    "StatusChange",
    "Use",
    "Version",
    "VersionParent",
    "VersionRequest",
    "new_id",
]
