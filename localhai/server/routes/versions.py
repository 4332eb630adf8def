"""Datasets, models and their versions (wire.md 3.10, 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from localhai.errors import UsageError
from localhai.records import ExecutionRecord, Project
from localhai.records.server import User
from localhai.records.version_rows import Noun, Version
from localhai.records.versions import VersionParent
from localhai.server import versions as asked
from localhai.server.addresses import base
from localhai.server.bodies import Body
from localhai.server.pages import OnePage, ordered
from localhai.server.shapes import datum as datum_shapes
from localhai.server.shapes import execution as execution_shapes
from localhai.server.shapes import user as user_shapes
from localhai.server.shapes import version as shapes
from localhai.server.state import State, state_of
from localhai.server.tokens import Asking
from localhai.vocabulary import version_uri

router = APIRouter()
Shared = Annotated[State, Depends(state_of)]
Pair = tuple[Project, VersionParent]
_PARENT_ORDERS: dict[str, Callable[[Any], Any]] = {"name": lambda pair: pair[1].name, "ctime": lambda pair: pair[1].id}
_ORDERS: dict[str, Callable[[Any], Any]] = {
    "name": lambda row: row.name,
    "counter": lambda row: row.counter,
    "ctime": lambda row: row.id,
}


@router.get("/datasets/", tags=["datasets"])
def datasets(
    asking: Asking,
    state: Shared,
    page: OnePage,
    request: Request,
    project: str | None = None,
    name: str | None = None,
    ordering: str = "name",
) -> dict[str, Any]:
    """Datasets of one project or of all."""
    pairs = [pair for pair in asked.parents(state, asking, "dataset", project) if name in {None, pair[1].name}]
    return page.cut(ordered(pairs, ordering, _PARENT_ORDERS), lambda pair: _dataset(state, asking, pair, request))


@router.post("/datasets/", status_code=201, tags=["datasets"])
def create_dataset(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """A new dataset, without versions."""
    return _dataset(state, asking, asked.create_parent(state, asking, "dataset", body), request)


@router.get("/datasets/{dataset_id}/", tags=["datasets"])
def dataset(asking: Asking, state: Shared, dataset_id: str, request: Request) -> dict[str, Any]:
    """One dataset."""
    return _dataset(state, asking, asked.parent(state, asking, "dataset", dataset_id), request)


@router.get("/dataset-versions/", tags=["datasets"])
def dataset_versions(
    asking: Asking,
    state: Shared,
    page: OnePage,
    request: Request,
    dataset: str | None = None,
    project: str | None = None,
    name: str | None = None,
    ordering: str = "-ctime",
) -> dict[str, Any]:
    """Versions of one dataset or of all, newest first."""
    rows = [row for row in _versions(state, asking, "dataset", dataset, project) if name in {None, row.name}]
    return page.cut(ordered(rows, ordering, _ORDERS), lambda row: _dataset_version(state, asking, row, request))


@router.post("/dataset-versions/", status_code=201, tags=["datasets"])
def create_dataset_version(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """A version of data that are there."""
    return _dataset_version(state, asking, asked.create_version(state, asking, "dataset", body), request)


@router.get("/dataset-versions/{version_id}/", tags=["datasets"])
def dataset_version(asking: Asking, state: Shared, version_id: str, request: Request) -> dict[str, Any]:
    """One version with its files."""
    return _dataset_version(state, asking, asked.version(state, asking, "dataset", version_id)[1], request)


@router.get("/models/", tags=["models"])
def models(
    asking: Asking,
    state: Shared,
    page: OnePage,
    request: Request,
    project: str | None = None,
    name: str = "",
    tags: str = "",
    ordering: str = "name",
) -> dict[str, Any]:
    """Models of one project or of all; `name` is a part of it, `tags` a comma list of which all are needed."""
    pairs = [pair for pair in asked.parents(state, asking, "model", project) if name.lower() in pair[1].name.lower()]
    wanted = _listed(tags)
    if wanted:
        pairs = [pair for pair in pairs if wanted <= set(_model(state, asking, pair, request)["tags"])]
    return page.cut(ordered(pairs, ordering, _PARENT_ORDERS), lambda pair: _model(state, asking, pair, request))


@router.post("/models/", status_code=201, tags=["models"])
def create_model(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """A new model, without versions."""
    return _model(state, asking, asked.create_parent(state, asking, "model", body), request)


@router.get("/models/{model_id}/", tags=["models"])
def model(asking: Asking, state: Shared, model_id: str, request: Request) -> dict[str, Any]:
    """One model."""
    return _model(state, asking, asked.parent(state, asking, "model", model_id), request)


@router.get("/model-versions/", tags=["models"])
def model_versions(
    asking: Asking,
    state: Shared,
    page: OnePage,
    request: Request,
    model: str | None = None,
    project: str | None = None,
    status: Annotated[list[str] | None, Query()] = None,
    counter: Annotated[list[str] | None, Query()] = None,
    tags: str = "",
    ordering: str = "-ctime",
) -> dict[str, Any]:
    """Versions of one model or of all, newest first."""
    rows = _versions(state, asking, "model", model, project)
    if status:
        rows = [row for row in rows if row.status in {item.lower() for item in status}]
    if counter:
        rows = [row for row in rows if str(row.counter) in counter]
    rows = [row for row in rows if _listed(tags) <= set(row.tags)]
    return page.cut(ordered(rows, ordering, _ORDERS), lambda row: _model_version(state, asking, row, request))


@router.post("/model-versions/", status_code=201, tags=["models"])
def create_model_version(asking: Asking, state: Shared, body: Body, request: Request) -> dict[str, Any]:
    """A version of data that are there."""
    return _model_version(state, asking, asked.create_version(state, asking, "model", body), request)


@router.get("/model-versions/{version_id}/", tags=["models"])
def model_version(asking: Asking, state: Shared, version_id: str, request: Request) -> dict[str, Any]:
    """One version with its files."""
    return _model_version(state, asking, asked.version(state, asking, "model", version_id)[1], request)


@router.put("/model-versions/{version_id}/", tags=["models"])
@router.patch("/model-versions/{version_id}/", tags=["models"])
def judge(asking: Asking, state: Shared, version_id: str, body: Body, request: Request) -> dict[str, Any]:
    """Approve or reject it: `status`."""
    asked.judge(state, asked.version(state, asking, "model", version_id)[1], body)
    return _model_version(state, asking, asked.version(state, asking, "model", version_id)[1], request)


@router.get("/model-versions/{version_id}/source-executions/", tags=["models"])
def source_executions(
    asking: Asking, state: Shared, page: OnePage, version_id: str, request: Request
) -> dict[str, Any]:
    """The execution that made it."""
    found = _maker(state, asked.version(state, asking, "model", version_id)[1])
    rows = [] if found is None else [found]
    return page.cut(rows, lambda row: execution_shapes.listed(row, base=base(request)))


@router.get("/model-versions/{version_id}/source-data/", tags=["models"])
def source_data(asking: Asking, state: Shared, page: OnePage, version_id: str, request: Request) -> dict[str, Any]:
    """The data that it is made of (that these are meant is unconfirmed)."""
    files = asked.version(state, asking, "model", version_id)[1].files
    return page.cut(files, lambda row: datum_shapes.datum(row, counter=None, base=base(request)))


def _listed(words: str) -> set[str]:
    return {word.strip() for word in words.split(",") if word.strip()}


def _versions(state: State, user: User, noun: Noun, parent: str | None, project: str | None) -> list[Version]:
    pairs = asked.parents(state, user, noun, project)
    wanted = [(item, row) for item, row in pairs if parent is None or row.id == parent.lower()]
    return [version for item, row in wanted for version in state.home.records.versions.list(item.id, noun, row.name)]


def _dataset(state: State, user: User, pair: Pair, request: Request) -> dict[str, Any]:
    project, row = pair
    latest = state.home.records.versions.list(project.id, "dataset", row.name)[:1]
    return shapes.dataset(
        row, project, latest[0] if latest else None, owner=user_shapes.brief(user), base=base(request)
    )


def _model(state: State, user: User, pair: Pair, request: Request) -> dict[str, Any]:
    project, row = pair
    versions = state.home.records.versions.list(project.id, "model", row.name)
    return shapes.model(row, project, versions, owner=user_shapes.brief(user), base=base(request))


def _version(state: State, user: User, row: Version, request: Request) -> dict[str, Any]:
    counters = state.records.executions.counters_of({file.execution_id for file in row.files if file.execution_id})
    files = [
        datum_shapes.datum(file, counter=counters.get(file.execution_id or ""), base=base(request))
        for file in row.files
    ]
    return shapes.version(row, creator=user_shapes.brief(user), files=files, base=base(request))


def _dataset_version(state: State, user: User, row: Version, request: Request) -> dict[str, Any]:
    previous = None
    if row.base is not None:
        project, parent = asked.parent(state, user, "dataset", row.parent_id)
        name = row.base.removeprefix(version_uri("dataset", parent.name))
        previous = state.home.records.versions.find(project.id, "dataset", parent.name, name)
    return shapes.of_dataset(_version(state, user, row, request), row, previous)


def _model_version(state: State, user: User, row: Version, request: Request) -> dict[str, Any]:
    maker = _maker(state, row)
    shown = None if maker is None else execution_shapes.listed(maker, base=base(request))
    return shapes.of_model(_version(state, user, row, request), row, shown)


def _maker(state: State, row: Version) -> ExecutionRecord | None:
    """The execution that made it, None when that is deleted."""
    try:
        return state.home.records.executions.get(row.execution_id) if row.execution_id else None
    except UsageError:
        return None
