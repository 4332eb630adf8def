"""How the page is answered: JSON, gzipped where that pays, and errors as sentences (page.md 1)."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from localhai.errors import (
    FilesNotHere,
    LocalhaiError,
    ProjectError,
    SurroundingsError,
    TransitionError,
    UsageError,
)
from localhai.server.errors import Refused, without_places
from localhai.system import strict_json
from localhai.system.durable import is_full

LEAST = 1024  # bytes that are worth to be packed
MUCH = 64 * 1024  # bytes that are packed in a thread: others are answered meanwhile
_LEVEL = 4
_KINDS: tuple[tuple[type[LocalhaiError], int], ...] = (
    (FilesNotHere, 410),
    (SurroundingsError, 503),
    (TransitionError, 409),
    (UsageError, 400),
    (ProjectError, 400),
)
_ROOM = ("make room, for instance with `localhai clean --cache`",)


class Told(Exception):
    """A request of the page that cannot be done: the status, a sentence, and what to do."""

    def __init__(self, status: int, message: str, hints: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.hints = status, message, tuple(hints)


class Answer(Response):
    """A JSON document; numbers that JSON cannot write are null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return strict_json.quick(content)


class PageRoute(APIRoute):
    """A route of the page: its errors are sentences, its documents are packed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                response = await handle(request)
            except (Told, Refused, LocalhaiError, RequestValidationError, HTTPException, OSError) as error:
                response = said(request, error)
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
            return await packed(request, response)

        return answered


def router() -> APIRouter:
    """Of routes of the page; nothing of them is in the OpenAPI document of the platform's API."""
    return APIRouter(prefix="/page", include_in_schema=False, route_class=PageRoute)


def said(request: Request, error: Exception) -> Answer:
    """`{message, hints}` of an error, without places of this machine. What is a fault of ours is raised again."""
    status, message, hints, headers = _told(error)
    body = {"message": message, "hints": list(hints)}
    return Answer(without_places(request.app.state.localhai.home, body), status, headers=headers)


def _told(error: Exception) -> tuple[int, str, Sequence[str], dict[str, str]]:
    if isinstance(error, Told):
        return error.status, error.message, error.hints, {}
    if isinstance(error, LocalhaiError):
        status = next((status for kind, status in _KINDS if isinstance(error, kind)), 500)
        return status, error.message, error.hints, {}
    if isinstance(error, Refused):
        return error.status, _words(error.body), (), error.headers
    if isinstance(error, RequestValidationError):
        problem = error.errors()[0]
        return 400, f"{problem['loc'][-1]}: {problem['msg']}", (), {}
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail), (), dict(error.headers or {})
    if isinstance(error, OSError) and is_full(error):
        return 507, "the disk of the server is full", _ROOM, {}
    raise error


def _words(body: Any) -> str:
    """What the shapes of the platform's API say, as one sentence."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(map(_words, body))
    if "message" in body:
        return str(body["message"])
    plain = {"detail", "non_field_errors"}
    return "; ".join(_words(item) if name in plain else f"{name}: {_words(item)}" for name, item in body.items())


async def packed(request: Request, response: Response) -> Response:
    """The same gzipped, where the client takes that and it is a document of some length."""
    if not isinstance(response, Answer) or len(response.body) < LEAST:
        return response
    response.headers["Vary"] = "Accept-Encoding"
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return response
    body = bytes(response.body)
    response.body = await run_in_threadpool(_pack, body) if len(body) > MUCH else _pack(body)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(response.body))
    return response


def _pack(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)
