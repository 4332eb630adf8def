"""Datasets, models and their versions (wire.md 3.10, 4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.records import Project
    from localhai.records.version_rows import Noun, Version
    from localhai.records.versions import VersionParent

_not_of_slug_re = re.compile(r"[^a-z0-9]+")


def dataset(
    row: VersionParent, project: Project, latest: Version | None, *, owner: Mapping[str, Any], base: str
) -> dict[str, Any]:
    """A dataset with its newest version, None when it has none."""
    return {
        "id": row.id,
        "name": row.name,
        "owner": dict(owner),
        "project": project.id,
        "ctime": row.created,
        "mtime": row.created if latest is None else latest.created,
        "version_count": row.versions,
        "latest_version": None if latest is None else {"id": latest.id, "name": latest.name},
        "url": f"{base}/api/v0/datasets/{row.id}/",
    }


def model(
    row: VersionParent,
    project: Project,
    versions: Sequence[Version],
    *,
    owner: Mapping[str, Any],
    base: str,
) -> dict[str, Any]:
    """A model; its tags are those of its versions."""
    return {
        "id": row.id,
        "name": row.name,
        "slug": _not_of_slug_re.sub("-", row.name.lower()).strip("-"),
        "owner": dict(owner),
        "creator": dict(owner),
        "access_mode": "single_project",
        "archived": False,
        "tags": list(dict.fromkeys(tag for version in versions for tag in version.tags)),
        "descriptions": [],
        "associated_projects": [{"id": project.id, "name": project.name}],
        "version_summary": [{"id": item.id, "counter": item.counter, "status": item.status} for item in versions],
        "ctime": row.created,
        "mtime": versions[0].created if versions else row.created,
        "url": f"{base}/api/v0/models/{row.id}/",
    }


def version(
    row: Version,
    *,
    creator: Mapping[str, Any],
    files: Sequence[Mapping[str, Any]],
    base: str,
) -> dict[str, Any]:
    """What versions of datasets and of models have in common. `files` are data in their shape."""
    return {
        "id": row.id,
        "name": row.name,
        "counter": row.counter,
        row.noun: {"id": row.parent_id, "name": row.parent},
        "uri": row.uri,
        "creator": dict(creator),
        "tags": list(row.tags),
        "aliases": [{"name": alias} for alias in row.aliases],
        "files": [{"datum": dict(file)} for file in files],
        "ctime": row.created,
        "mtime": row.created,
        "url": f"{base}/api/v0/{_NOUNS[row.noun]}/{row.id}/",
    }


def of_dataset(shown: Mapping[str, Any], row: Version, previous: Version | None) -> dict[str, Any]:
    """A version of a dataset. `previous` is the one that it was made from."""
    packaged = {"packaging": row.packaging}
    return {**shown, "previous_version": None if previous is None else previous.id, **packaged}


def of_model(shown: Mapping[str, Any], row: Version, execution: Mapping[str, Any] | None) -> dict[str, Any]:
    """A version of a model. `execution` is the one that made it, None when none did, or it is deleted."""
    note = [{"title": "Release note", "body": row.release_note}] if row.release_note else []
    if execution is not None:
        title = f"#{execution['counter']} {execution['step']}"
        source = {"type": "execution", "title": title, "id": execution["id"]}
    else:
        source = {"type": "execution" if row.execution_id else "data", "title": "", "id": row.execution_id}
    return {
        **shown,
        "status": row.status,
        "source": source,
        "dataset_version": None,
        "execution_count": int(row.execution_id is not None),
        "notes": note,
        "descriptions": [],
    }


_NOUNS: dict[Noun, str] = {"dataset": "dataset-versions", "model": "model-versions"}
