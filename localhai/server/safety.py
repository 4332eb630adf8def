"""What every request passes: whose host it is, where it comes from, and how its path is written."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

from localhai.server.background import keep_fault
from localhai.server.errors import Refused, said

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 16 * 1024 * 1024  # bytes; a request with ten thousand inputs has a tenth of it
LARGEST_CALL = 1024 * 1024  # bytes of what a container sends; texts that are kept are cut to much less
STANDSTILL = 60.0  # seconds without a byte of a body that is still to come
_slashes_re = re.compile("/{2,}")
_files_re = re.compile(r"/api/v0/(projects/[^/]+/import-package|data/uploads/[^/]+/content)/")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class OneSlash:
    """`//` is `/` and every path under /api ends in one: vh writes the first, valohai-utils leaves the second out.

    No redirect: a client would turn its POST into a GET (wire.md 1.1).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = _slashes_re.sub("/", scope["path"])
            if path.startswith("/api/v0/") and not path.endswith("/"):
                path += "/"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses bodies that are longer than a request needs, as they come: nothing of them is kept in memory.

    Routes that take files have limits of their own and write to the disk.
    """

    def __init__(self, app: ASGIApp, most: int = LARGEST_BODY) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _files_re.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > self._most:
            refused = self._refused()
            await JSONResponse(refused.body, refused.status)(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most:
                raise self._refused()
            return message

        await self._app(scope, counted, send)

    def _refused(self) -> Refused:
        return said(413, f"the request is larger than {self._most} bytes", "too_large")


class Steady:
    """Ends a request whose body stands still: it holds a place, a file and memory that others need."""

    def __init__(self, app: ASGIApp, longest: float = STANDSTILL) -> None:
        self._app = app
        self._longest = longest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        coming = True

        async def waited() -> Message:
            nonlocal coming
            if not coming:  # whoever listens now waits for the client to go
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._longest)
            except asyncio.TimeoutError:
                raise said(408, f"nothing of the request came for {self._longest:g} s", "timeout") from None
            coming = bool(message.get("more_body"))
            return message

        await self._app(scope, waited, send)


class Answered:
    """Every request gets an answer that clients can read, also when the server ends or fails in the midst of it.

    What failed is said in one line, and kept whole in `server/faults.log` of the home.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
            return
        except asyncio.CancelledError:  # of uvicorn, when it has waited long enough
            answer = JSONResponse({"message": "the server is ending; ask again soon", "code": "unavailable"}, 503)
        except Exception as error:  # noqa: BLE001  # a fault of ours
            keep_fault(scope["app"].state.localhai, f"{scope['method']} {scope['path']}", error)
            answer = JSONResponse({"message": "localhai failed; its log says why", "code": "internal_error"}, 500)
        if not begun:
            await answer(scope, receive, send)


class OwnHost:
    """Refuses requests for another host name than ours, and changes that a page of another server sends.

    The first keeps out DNS rebinding, the second forged requests. `hosts` are names beside those of this machine's
    loopback; a server that listens on all addresses knows its own by the requests for IP addresses.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = _LOOPBACK | frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (trouble := self._trouble(scope)):
            await JSONResponse({"message": trouble, "code": "bad_host"}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _trouble(self, scope: Scope) -> str | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if not self._known(headers.get(b"host", "")):
            return "this host name is not the server's; add it with --allow-host"
        origin = headers.get(b"origin")
        if origin and scope["method"] not in _SAFE and not _is_of(origin, headers[b"host"]):
            return "a page of another site may not change anything here"
        return None

    def _known(self, host: str) -> bool:
        import ipaddress

        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True  # an address is no name that somebody could point elsewhere


def _is_of(origin: str, host: str) -> bool:
    """Whether a page of this very server sent it: one of another port of this machine is another's."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
