"""The HTTP server under the application: listens, says where, and ends when it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from msgspec import Struct

from localhai.errors import UsageError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from localhai.server.certificate import Certificate

_BACKLOG = 2048


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens at `host`; port 0 is any free one. Raises UsageError, for instance when it is taken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        raise UsageError(
            f"cannot listen at {host}:{port}: {error.strerror}", hints=["choose another by --host and --port"]
        ) from error
    return made


def server(app: ASGIApp, *, certificate: Certificate | None = None) -> uvicorn.Server:
    """An HTTP server for the app, https with a certificate. `server.run(sockets=[...])` runs it.

    Nothing about requests is logged: their headers hold tokens.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=75,  # longer than clients pause between two looks
            ssl_certfile=certificate.file if certificate else None,
        )
    )


class Listener(Struct, frozen=True):
    """One address at which the app answers: http, or https with a certificate."""

    listening: socket.socket
    running: uvicorn.Server
    url: str

    @classmethod
    def of(cls, app: ASGIApp, listening: socket.socket, certificate: Certificate | None = None) -> Listener:
        """Over a socket that listens already."""
        address, port = listening.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        scheme = "https" if certificate else "http"
        return cls(listening, server(app, certificate=certificate), f"{scheme}://{shown}:{port}")

    @property
    def url_here(self) -> str:
        """By which address a browser on this machine reaches it: that of all addresses is none to go to."""
        return self.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")

    def thread(self) -> threading.Thread:
        """What serves, to be started; it ends after `end`."""
        return threading.Thread(
            target=self.running.run, kwargs={"sockets": [self.listening]}, name="localhai-server", daemon=True
        )

    def end(self) -> None:
        """Answer nothing more."""
        self.running.should_exit = True


@contextmanager
def serving(app: ASGIApp, host: str = "127.0.0.1", *, certificate: Certificate | None = None) -> Iterator[str]:
    """The app, served by a thread at a free port; gives its URL."""
    listening = bound(host, 0)
    listener = Listener.of(app, listening, certificate)
    thread = listener.thread()
    thread.start()
    try:
        yield listener.url
    finally:
        listener.end()
        thread.join()
        listening.close()
