"""The HTTP server under the application: listens, says where, and ends when it is told to."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

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


def server(app: FastAPI, *, certificate: tuple[Path, Path] | None = None) -> uvicorn.Server:
    """An HTTP server for the app; `certificate` is (certificate, key), both PEM. `server.run(sockets=[...])` runs it.

    Nothing about requests is logged: their headers hold tokens.
    """
    chain, key = certificate or (None, None)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            ssl_certfile=chain,
            ssl_keyfile=key,
        )
    )


@contextmanager
def serving(app: FastAPI, host: str = "127.0.0.1") -> Iterator[str]:
    """The app, served by a thread at a free port; gives its URL."""
    listening = bound(host, 0)
    running = server(app)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, name="localhai-server")
    thread.start()
    try:
        yield f"http://{host}:{listening.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()
        listening.close()
