"""Commits, repositories and ad-hoc packages (wire.md 2.3, 3.2, 3.3)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from localhai.records import Project
from localhai.server import code
from localhai.server.addresses import Base
from localhai.server.api.uploads import PLACES
from localhai.server.errors import field, not_found, said
from localhai.server.pagination import OnePage, truth
from localhai.server.state import Shared, State
from localhai.server.tokens import Asking

router = APIRouter(tags=["commits"])
_AROUND = 1 << 20  # bytes of a package's request that are not the package
_LARGE_ENTITY = 413
_LENGTH_REQUIRED = 411


@router.get("/projects/{project_id}/commits/")
def of_project(asking: Asking, state: Shared, project_id: str, base: Base) -> list[dict[str, Any]]:
    """All commits of a project, newest first, without an envelope."""
    rows = code.commits(state, state.project_of(asking, project_id))
    return [commit_shape(row, base=base) for row in rows]


@router.post("/projects/{project_id}/fetch/")
def fetch(asking: Asking, state: Shared, project_id: str, base: Base) -> dict[str, Any]:
    """The repository is the folder itself: what is committed there is known already."""
    project = state.project_of(asking, project_id)
    rows = code.commits(state, project, adhoc=False)
    errors = [] if rows else [code.without_commits(state, project)]
    return {"commits": [commit_shape(row, base=base) for row in rows], "errors": errors}


def _length(request: Request) -> None:
    """A package that is too large is refused before it is sent."""
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise said(_LENGTH_REQUIRED, "the request does not say how long it is", "length_required")
    if int(length) > code.LARGEST_PACKAGE + _AROUND:
        raise said(_LARGE_ENTITY, f"a package may have {code.LARGEST_PACKAGE >> 20} MiB", "too_large")


@router.post("/projects/{project_id}/import-package/", dependencies=[Depends(_length)], status_code=201)
async def import_package(
    asking: Asking, state: Shared, project_id: str, request: Request, base: Base
) -> dict[str, Any]:
    """Keep the code that `vh --adhoc` packed, as a commit. The form has `data`, `description` and `yaml_path`."""
    project = await run_in_threadpool(state.project_of, asking, project_id)
    with PLACES.taken(asking.id):
        return await _kept(state, project, request, base)


async def _kept(state: State, project: Project, request: Request, base: str) -> dict[str, Any]:
    async with request.form(max_files=1, max_fields=20) as form:
        upload = form.get("data")
        if not isinstance(upload, UploadFile):
            raise field("data", "No file was submitted.", "required")
        made = await run_in_threadpool(
            code.keep_package,
            state,
            project,
            upload.file,
            yaml_path=str(form.get("yaml_path") or ""),
            description=str(form.get("description") or "")[:1000],
        )
    return commit_shape(made, base=base)


@router.get("/commits/")
def commits(
    asking: Asking,
    state: Shared,
    page: OnePage,
    base: Base,
    project: str | None = None,
    adhoc: str | None = None,
) -> dict[str, Any]:
    """Commits of one project or of all, newest first."""
    projects = [state.project_of(asking, project)] if project else state.projects_of(asking)
    rows = [row for item in projects for row in code.commits(state, item, adhoc=truth(adhoc))]
    rows.sort(key=lambda row: row.time, reverse=True)
    return page.cut(rows, lambda row: commit_shape(row, base=base))


@router.get("/commits/{identifier}/")
def commit(
    asking: Asking,
    state: Shared,
    identifier: str,
    base: Base,
    project: str | None = None,
    include: str = "",
) -> dict[str, Any]:
    """One commit; with `include=config` also its valohai.yaml, parsed."""
    for item in [state.project_of(asking, project)] if project else state.projects_of(asking):
        row = code.commit(state, item, identifier)
        if row is not None:
            shown = commit_shape(row, base=base)
            if "config" in include.split(","):
                shown["config"] = code.config_document(state, item, identifier)
            return shown
    raise not_found()


@router.get("/repositories/")
def repositories(asking: Asking, state: Shared, page: OnePage) -> dict[str, Any]:
    """One for each project: its folder."""
    return page.cut(
        state.projects_of(asking), lambda row: {"id": row.id, "project": {"id": row.id, "name": row.name}, "ref": ""}
    )


def commit_shape(row: code.Commit, *, base: str) -> dict[str, Any]:
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
