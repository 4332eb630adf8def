"""Projects (wire.md 2.2). Small and without secrets: `vh` keeps the whole object in its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localhai.records import Project
    from localhai.records.server import Variable


def project(row: Project, *, owner: Mapping[str, Any], description: str, base: str) -> dict[str, Any]:
    """A row of the list. `base` is the scheme and host that the client used."""
    return {
        "id": row.id,
        "name": row.name,
        "description": description,
        "owner": dict(owner),
        "ctime": row.created,
        "mtime": row.created,
        "url": f"{base}/api/v0/projects/{row.id}/",
        "urls": {
            "display": f"{base}/p/{row.id}/",
            "display_repository": f"{base}/p/{row.id}/settings/repository/",
        },
        "read_only": False,
    }


def details(
    listed: Mapping[str, Any], *, yaml_path: str, variables: Iterable[Variable], statuses: Mapping[str, int]
) -> dict[str, Any]:
    """One project: with its variables, secret ones without value, and how many executions have which status."""
    return {
        **listed,
        "yaml_path": yaml_path,
        "environment_variables": {
            item.name: {"value": None if item.secret else item.value, "secret": item.secret} for item in variables
        },
        "execution_summary": {
            "count": sum(statuses.values()),
            **{f"{status}_count": count for status, count in statuses.items()},
        },
        "execution_count": sum(statuses.values()),
        "running_execution_count": statuses.get("started", 0),
        "queued_execution_count": statuses.get("queued", 0),
    }
