"""Commits (wire.md 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localhai.server.code import Commit


def commit(row: Commit, *, base: str) -> dict[str, Any]:
    """A commit, without its configuration. A project's id is that of its repository too."""
    return {
        "identifier": row.identifier,
        "ref": row.ref,
        "ref_names": [row.ref],
        "adhoc": row.adhoc,
        "commit_time": row.time,
        "ctime": row.time,
        "description": row.description,
        "yaml_path": row.yaml_path,
        "has_config": True,
        "repository": row.project_id,
        "project_id": row.project_id,
        "url": f"{base}/api/v0/commits/{row.identifier}/?project={row.project_id}",
        "urls": {"display": f"{base}/p/{row.project_id}/commits/{row.identifier}/"},
    }
