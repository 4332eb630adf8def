"""Deployments and their versions (wire.md 3.10; keys beyond those that clients read are unconfirmed)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localhai.records.deployment_rows import Deployment, DeploymentVersion, VersionEndpoint


def deployment(row: Deployment, *, versions: int, base: str) -> dict[str, Any]:
    """A deployment; `versions` is how many it has."""
    return {
        "id": row.id,
        "name": row.name,
        "project": row.project_id,
        "ctime": row.created,
        "version_count": versions,
        "url": f"{base}/api/v0/deployments/{row.id}/",
        "urls": {"display": f"{base}/p/{row.project_id}/deployment/{row.id}/"},
    }


def version(row: DeploymentVersion, *, enabled: bool, base: str) -> dict[str, Any]:
    """A version, with where its endpoints answer while they are served. No values of variables."""
    variables = row.document.get("environment_variables", {})
    return {
        "id": row.id,
        "name": row.name,
        "deployment": {"id": row.deployment_id, "name": row.deployment},
        "project": row.project_id,
        "commit": {"identifier": row.commit, "adhoc": row.commit.startswith("~")},
        "enabled": enabled,
        "aliases": [{"name": alias} for alias in row.aliases],
        "environment_variables": {name: {"value": None} for name in variables},
        "inherit_environment_variables": bool(row.document.get("inherit_environment_variables", True)),
        "endpoint_configurations": {item.name: _configuration(item) for item in row.endpoints},
        "endpoints": [_endpoint(item) for item in row.endpoints],
        "ctime": row.created,
        "url": f"{base}/api/v0/deployment-versions/{row.id}/",
        "urls": {"display": f"{base}/p/{row.project_id}/deployment/{row.deployment_id}/version/{row.id}/"},
    }


def _configuration(row: VersionEndpoint) -> dict[str, Any]:
    return {"enabled": True, "replicas": 1, "files": {file.name: file.datum or file.uri for file in row.files}}


def _endpoint(row: VersionEndpoint) -> dict[str, Any]:
    return {
        "name": row.name,
        "status": row.status,
        "url": row.document.get("url"),
        "status_detail": row.document.get("error") or "",
        "files": [{"name": file.name, "path": file.path, "datum": file.datum} for file in row.files],
    }
