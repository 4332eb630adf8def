"""Datasets, models and their versions (wire.md 3.10, 4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query

from localhai.errors import UsageError
from localhai.records import ExecutionRecord, Project
from localhai.records.users import User
from localhai.records.versions import Noun, Version, VersionParent
from localhai.server.addresses import Base
from localhai.server.api import versions_body as asked
from localhai.server.api.data import datum_shape
from localhai.server.api.executions import execution_shape
from localhai.server.api.users import brief
from localhai.server.api.versions_body import (
    DatasetBody,
    DatasetVersionBody,
    JudgementBody,
    ModelBody,
    ModelVersionBody,
)
from localhai.server.bodies import reading
from localhai.server.pagination import ByName, Newest, OnePage
from localhai.server.state import Shared, State
from localhai.server.tokens import Asking
from localhai.vocabulary import version_uri

router = APIRouter()
Pair = tuple[Project, VersionParent]
_PARENT_ORDERS: dict[str, Callable[[Any], Any]] = {"name": lambda pair: pair[1].name, "ctime": lambda pair: pair[1].id}
_NOUNS: dict[Noun, str] = {"dataset": "dataset-versions", "model": "model-versions"}
_not_of_slug_re = re.compile(r"[^a-z0-9]+")
_ORDERS: dict[str, Callable[[Any], Any]] = {
    "name": lambda row: row.name,
    "counter": lambda row: row.counter,
    "ctime": lambda row: row.id,
}


@router.get("/datasets/", tags=["datasets"])
def datasets(
    asking: Asking,
    state: Shared,
    listed: ByName,
    base: Base,
    name: str | None = None,
) -> dict[str, Any]:
    """Datasets of one project or of all."""
    pairs = [pair for pair in asked.parents(state, asking, "dataset", listed.project) if name in {None, pair[1].name}]
    return listed.cut(pairs, _PARENT_ORDERS, lambda pair: _dataset(state, asking, pair, base))


@router.post("/datasets/", status_code=201, tags=["datasets"])
def create_dataset(
    asking: Asking, state: Shared, body: Annotated[DatasetBody, reading(DatasetBody)], base: Base
) -> dict[str, Any]:
    """A new dataset, without versions."""
    return _dataset(state, asking, asked.create_parent(state, asking, "dataset", body), base)


@router.get("/datasets/{dataset_id}/", tags=["datasets"])
def dataset(asking: Asking, state: Shared, dataset_id: str, base: Base) -> dict[str, Any]:
    """One dataset."""
    return _dataset(state, asking, asked.parent(state, asking, "dataset", dataset_id), base)


@router.get("/dataset-versions/", tags=["datasets"])
def dataset_versions(
    asking: Asking,
    state: Shared,
    listed: Newest,
    base: Base,
    dataset: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """Versions of one dataset or of all, newest first."""
    rows = [row for row in _versions(state, asking, "dataset", dataset, listed.project) if name in {None, row.name}]
    return listed.cut(rows, _ORDERS, lambda row: _dataset_version(state, asking, row, base))


@router.post("/dataset-versions/", status_code=201, tags=["datasets"])
def create_dataset_version(
    asking: Asking, state: Shared, body: Annotated[DatasetVersionBody, reading(DatasetVersionBody)], base: Base
) -> dict[str, Any]:
    """A version of data that are there."""
    return _dataset_version(state, asking, asked.create_version(state, asking, "dataset", body.dataset, body), base)


@router.get("/dataset-versions/{version_id}/", tags=["datasets"])
def dataset_version(asking: Asking, state: Shared, version_id: str, base: Base) -> dict[str, Any]:
    """One version with its files."""
    return _dataset_version(state, asking, asked.version(state, asking, "dataset", version_id)[1], base)


@router.get("/models/", tags=["models"])
def models(
    asking: Asking,
    state: Shared,
    listed: ByName,
    base: Base,
    name: str = "",
    tags: str = "",
) -> dict[str, Any]:
    """Models of one project or of all; `name` is a part of it, `tags` a comma list of which all are needed."""
    pairs = [
        pair for pair in asked.parents(state, asking, "model", listed.project) if name.lower() in pair[1].name.lower()
    ]
    wanted = _listed(tags)
    if wanted:
        pairs = [pair for pair in pairs if wanted <= set(_model(state, asking, pair, base)["tags"])]
    return listed.cut(pairs, _PARENT_ORDERS, lambda pair: _model(state, asking, pair, base))


@router.post("/models/", status_code=201, tags=["models"])
def create_model(
    asking: Asking, state: Shared, body: Annotated[ModelBody, reading(ModelBody)], base: Base
) -> dict[str, Any]:
    """A new model, without versions."""
    return _model(state, asking, asked.create_parent(state, asking, "model", body), base)


@router.get("/models/{model_id}/", tags=["models"])
def model(asking: Asking, state: Shared, model_id: str, base: Base) -> dict[str, Any]:
    """One model."""
    return _model(state, asking, asked.parent(state, asking, "model", model_id), base)


@router.get("/model-versions/", tags=["models"])
def model_versions(
    asking: Asking,
    state: Shared,
    listed: Newest,
    base: Base,
    model: str | None = None,
    status: Annotated[list[str] | None, Query()] = None,
    counter: Annotated[list[str] | None, Query()] = None,
    tags: str = "",
) -> dict[str, Any]:
    """Versions of one model or of all, newest first."""
    rows = _versions(state, asking, "model", model, listed.project)
    if status:
        rows = [row for row in rows if row.status in {item.lower() for item in status}]
    if counter:
        rows = [row for row in rows if str(row.counter) in counter]
    rows = [row for row in rows if _listed(tags) <= set(row.tags)]
    return listed.cut(rows, _ORDERS, lambda row: _model_version(state, asking, row, base))


@router.post("/model-versions/", status_code=201, tags=["models"])
def create_model_version(
    asking: Asking, state: Shared, body: Annotated[ModelVersionBody, reading(ModelVersionBody)], base: Base
) -> dict[str, Any]:
    """A version of data that are there."""
    return _model_version(state, asking, asked.create_version(state, asking, "model", body.model, body), base)


@router.get("/model-versions/{version_id}/", tags=["models"])
def model_version(asking: Asking, state: Shared, version_id: str, base: Base) -> dict[str, Any]:
    """One version with its files."""
    return _model_version(state, asking, asked.version(state, asking, "model", version_id)[1], base)


@router.put("/model-versions/{version_id}/", tags=["models"])
@router.patch("/model-versions/{version_id}/", tags=["models"])
def judge(
    asking: Asking,
    state: Shared,
    version_id: str,
    body: Annotated[JudgementBody, reading(JudgementBody)],
    base: Base,
) -> dict[str, Any]:
    """Approve or reject it: `status`."""
    found = asked.version(state, asking, "model", version_id)[1]
    state.home.records.versions.set_status(found, body.status)
    return _model_version(state, asking, asked.version(state, asking, "model", version_id)[1], base)


@router.get("/model-versions/{version_id}/source-executions/", tags=["models"])
def source_executions(asking: Asking, state: Shared, page: OnePage, version_id: str, base: Base) -> dict[str, Any]:
    """The execution that made it."""
    found = _maker(state, asked.version(state, asking, "model", version_id)[1])
    rows = [] if found is None else [found]
    return page.cut(rows, lambda row: execution_shape(row, base=base))


@router.get("/model-versions/{version_id}/source-data/", tags=["models"])
def source_data(asking: Asking, state: Shared, page: OnePage, version_id: str, base: Base) -> dict[str, Any]:
    """The data that it is made of (that these are meant is unconfirmed)."""
    files = asked.version(state, asking, "model", version_id)[1].files
    return page.cut(files, lambda row: datum_shape(row, counter=None, base=base))


def _listed(words: str) -> set[str]:
    return {word.strip() for word in words.split(",") if word.strip()}


def _versions(state: State, user: User, noun: Noun, parent: str | None, project: str | None) -> list[Version]:
    pairs = asked.parents(state, user, noun, project)
    wanted = [(item, row) for item, row in pairs if parent is None or row.id == parent.lower()]
    return [version for item, row in wanted for version in state.home.records.versions.list(item.id, noun, row.name)]


def _dataset(state: State, user: User, pair: Pair, base: str) -> dict[str, Any]:
    project, row = pair
    latest = state.home.records.versions.list(project.id, "dataset", row.name)[:1]
    return dataset_shape(row, project, latest[0] if latest else None, owner=brief(user), base=base)


def _model(state: State, user: User, pair: Pair, base: str) -> dict[str, Any]:
    project, row = pair
    versions = state.home.records.versions.list(project.id, "model", row.name)
    return model_shape(row, project, versions, owner=brief(user), base=base)


def _version(state: State, user: User, row: Version, base: str) -> dict[str, Any]:
    counters = state.records.executions.counters_of({file.execution_id for file in row.files if file.execution_id})
    files = [datum_shape(file, counter=counters.get(file.execution_id or ""), base=base) for file in row.files]
    return _version_shape(row, creator=brief(user), files=files, base=base)


def _dataset_version(state: State, user: User, row: Version, base: str) -> dict[str, Any]:
    previous = None
    if row.base is not None:
        project, parent = asked.parent(state, user, "dataset", row.parent_id)
        name = row.base.removeprefix(version_uri("dataset", parent.name))
        previous = state.home.records.versions.find(project.id, "dataset", parent.name, name)
    return _of_dataset(_version(state, user, row, base), row, previous)


def _model_version(state: State, user: User, row: Version, base: str) -> dict[str, Any]:
    maker = _maker(state, row)
    shown = None if maker is None else execution_shape(maker, base=base)
    return _of_model(_version(state, user, row, base), row, shown)


def _maker(state: State, row: Version) -> ExecutionRecord | None:
    """The execution that made it, None when that is deleted."""
    try:
        return state.home.records.executions.get(row.execution_id) if row.execution_id else None
    except UsageError:
        return None


def dataset_shape(
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


def model_shape(
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


def _version_shape(
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


def _of_dataset(shown: Mapping[str, Any], row: Version, previous: Version | None) -> dict[str, Any]:
    """A version of a dataset. `previous` is the one that it was made from."""
    packaged = {"packaging": row.packaging}
    return {**shown, "previous_version": None if previous is None else previous.id, **packaged}


def _of_model(shown: Mapping[str, Any], row: Version, execution: Mapping[str, Any] | None) -> dict[str, Any]:
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
