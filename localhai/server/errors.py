"""Errors in the shapes that clients of the platform print (wire.md 1.6)."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from localhai.errors import (
    FilesNotHere,
    LocalhaiError,
    ProjectError,
    RecordsUnavailable,
    SurroundingsError,
    TransitionError,
    UsageError,
)
from localhai.system import strict_json
from localhai.system.durable import is_full

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

    from localhai.executions.home import Home

_CODES = {400: "invalid", 401: "not_authenticated", 403: "permission_denied", 405: "method_not_allowed"}


class Json(JSONResponse):
    """As JSONResponse, by the encoder that all of localhai uses."""

    def render(self, content: Any) -> bytes:
        return strict_json.encode(content, compact=True, ascii=False)


class Refused(Exception):
    """A request that cannot be done. `body` is what the client prints; see `not_found`, `field` and `said`."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def not_found() -> Refused:
    """The same words for what is not there and for what belongs to another user."""
    return Refused(404, {"detail": "Not found."})


def said(status: int, message: str, code: str) -> Refused:
    """`{message, code}`, which clients show as one line."""
    return Refused(status, {"message": message, "code": code})


def field(name: str, message: str, code: str = "invalid") -> Refused:
    """What is wrong with one field of the body."""
    return Refused(400, {name: [{"message": message, "code": code}]})


def add_handlers(app: FastAPI) -> None:
    """Make every error of the app a JSON body without paths, variables or tokens in it; faults: `safety.Answered`."""

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Json:
        return Json(without_places(request.app.state.localhai.home, error.body), error.status, error.headers)

    @app.exception_handler(HTTPException)
    def http(_request: Request, error: HTTPException) -> Json:
        if error.status_code == 404:  # noqa: PLR2004  # of HTTP
            return Json({"detail": "Not found."}, 404)
        code = _CODES.get(error.status_code, "error")
        return Json({"message": error.detail, "code": code}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> Json:
        body: dict[str, list[dict[str, str]]] = {}
        for problem in error.errors():
            name = str(problem["loc"][-1]) if len(problem["loc"]) > 1 else "non_field_errors"
            body.setdefault(name, []).append({"message": str(problem["msg"]), "code": "invalid"})
        return Json(body, 400)

    @app.exception_handler(LocalhaiError)
    def ours(request: Request, error: LocalhaiError) -> Json:
        body, status = of(error)
        return Json(without_places(request.app.state.localhai.home, body), status)

    @app.exception_handler(OSError)
    def full(_request: Request, error: OSError) -> Json:
        if not is_full(error):
            raise error  # a fault like any other
        return Json({"message": "the disk of the server is full", "code": "disk_full"}, 507)


def of(error: LocalhaiError) -> tuple[dict[str, Any], int]:
    """Body and status of one of localhai's own errors."""
    if isinstance(error, FilesNotHere):
        return {"detail": f"{error.message[:1].upper()}{error.message[1:]}."}, 404
    if isinstance(error, RecordsUnavailable):
        return {"message": "the database of records does not answer", "code": "unavailable"}, 503
    if isinstance(error, SurroundingsError):
        return {"message": error.message, "code": "unavailable"}, 503
    if isinstance(error, ProjectError):
        return {"non_field_errors": [_sentence(error)]}, 400
    if isinstance(error, (UsageError, TransitionError)):
        return {"non_field_errors": [error.message, *error.hints]}, 400
    return {"message": error.message, "code": "error"}, 500


def _sentence(error: ProjectError) -> str:
    lines = [problem.message for problem in error.problems]
    return "\n".join([error.message, *lines])


def without_places(home: Home, body: Any) -> Any:
    """A body in which folders of this machine go by what they are for: where they lie is nobody's business."""
    known = {str(home.folder): "LOCALHAI_HOME", os.path.expanduser("~"): "~"}
    with suppress(LocalhaiError):
        known |= {row.path: row.name for row in home.records.projects.list()}
    for folder in sorted(known, key=len, reverse=True):
        if len(folder) > 1 and folder in str(body):
            body = _replaced(body, folder, known[folder])
    return body


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    return [_replaced(item, old, new) for item in value] if isinstance(value, list) else value
