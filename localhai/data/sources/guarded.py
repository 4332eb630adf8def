"""Connections for who may not reach every address: the name is looked up once, judged, and that address connected to.

Each connection passes here, so redirects do, and a name that means another address a moment later gains nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from localhai.data.access import NO_ADDRESS, Access
from localhai.data.sources.base import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

Judge = Callable[[str], bool]


def session(access: Access, **pools: Any) -> requests.Session:
    """A session that connects where `access` allows it. Of the environment it takes proxies and certificates.

    The passwords of a netrc are those of whoever runs this process, and stay unsaid.
    """
    made = requests.Session()
    made.trust_env = False
    for scheme in ("http://", "https://"):
        made.mount(scheme, GuardedAdapter(access.may_connect, **pools))
    return made


class GuardedAdapter(HTTPAdapter):
    """Connects to addresses that `judge` allows; others raise Unavailable."""

    def __init__(self, judge: Judge, **pools: Any) -> None:
        self._judge = judge
        super().__init__(**pools)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Pools whose connections ask first."""
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _pool(HTTPConnectionPool, HTTPConnection, self._judge),
            "https": _pool(HTTPSConnectionPool, HTTPSConnection, self._judge),
        }

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        """Through the environment's proxy if there is one; that looks names up itself, so they are judged here."""
        url = request.url or ""
        if not more.get("proxies"):
            more["proxies"] = get_environ_proxies(url, no_proxy=None)
        if select_proxy(url, more["proxies"]):
            parts = urlsplit(url)
            _judged(parts.hostname or "", parts.port or 80, self._judge, proxied=True)
        if more.get("verify") is True:
            more["verify"] = _authorities(os.environ)
        return super().send(request, *args, **more)


def _authorities(environ: Mapping[str, str]) -> str | bool:
    return environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE") or True


def _pool(pool: type, connection: type, judge: Judge) -> type:
    def connect(self: Any) -> Any:
        name = self._dns_host
        error: OSError | None = None
        for address in _judged(name, self.port, judge):
            self._dns_host = address
            try:
                made = base_connect(self)
            except OSError as failure:
                error = failure
            else:
                return made
            finally:
                self._dns_host = name
        raise error or OSError(f"{name} has no address")

    base_connect = connection._new_conn  # type: ignore[attr-defined]  # noqa: SLF001  # where a socket is made
    guarded = type(f"Guarded{connection.__name__}", (connection,), {"_new_conn": connect})
    return type(f"Guarded{pool.__name__}", (pool,), {"ConnectionCls": guarded})


def _judged(host: str, port: int, judge: Judge, *, proxied: bool = False) -> list[str]:
    """The addresses of a host, all of which are allowed: one that is not makes the name suspicious."""
    try:
        rows = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        if proxied:  # the proxy knows names that this machine does not
            return []
        raise
    found = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if not all(judge(address) for address in found):
        raise Unavailable(NO_ADDRESS)
    return found
