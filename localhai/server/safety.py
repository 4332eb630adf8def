"""What every request passes: whose host it is, where it comes from, and how its path is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

_slashes_re = re.compile("/{2,}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class OneSlash:
    """`//` is `/` and every path under /api ends in one: vh writes the first, valohai-utils leaves the second out.

    No redirect: a client would turn its POST into a GET (valohai-rest-api.md 1.1).
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


class OwnHost:
    """Refuses requests for another host name than ours, and changes that another web site's page sends.

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
        if origin and scope["method"] not in _SAFE and not self._known(urlsplit(origin).netloc):
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
