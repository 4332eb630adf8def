"""A server in the background, for whoever only wants the page: found, or started; it ends by itself, or when told to.

It is `localhai serve` in a session of its own, with the home as its folder. Its port is kept: a browser holds sessions
by it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.app import servers
from localhai.errors import SurroundingsError
from localhai.system import durable, locks, private
from localhai.system.retry import LOOK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localhai.app.servers import ServerAddress

IDLE_MINUTES = 60
LOG = "server/page.log"
_LOCK = "server/page.lock"
_PORT = "server/page.port"
_READY_WITHIN = 60.0  # seconds: a machine under load imports for some of them
_ENDS_WITHIN = 120.0  # seconds: it stops what it runs first
_LINES = 5  # of the log, where it did not start


class Found(Struct, frozen=True):
    """A server that answers, and whether it was started just now."""

    server: ServerAddress
    started: bool


def found_or_started(home: Path) -> Found:
    """A server of this home. Of several who ask at once one starts it. Raises SurroundingsError."""
    known = servers.answering(home)
    if known is not None:
        return Found(known, started=False)
    private.make_folder(home / "server")
    with locks.held(home / _LOCK):
        known = servers.answering(home)
        return Found(known or _started(home), started=known is None)


def stop(home: Path) -> list[ServerAddress]:
    """End those in the background, and wait until they have. Raises SurroundingsError when one does not."""
    ended = servers.unattended(home)
    for server in ended:
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGTERM)
    for server in ended:
        if not _waited_for(partial(_has_ended, server), _ENDS_WITHIN):
            raise SurroundingsError(
                f"the server of process {server.pid} does not end", where=server.log, hints=[f"kill {server.pid}"]
            )
    return ended


def _has_ended(server: ServerAddress) -> bool:
    return not server.is_running


def _started(home: Path) -> ServerAddress:
    log = home / LOG
    process = _launch(home, log, _port(home))

    def ready() -> bool:
        return process.poll() is not None or _answers(home, process.pid)

    came = _waited_for(ready, _READY_WITHIN)
    server = servers.of_process(home, process.pid)
    if server is None or not came or process.poll() is not None:
        with suppress(ProcessLookupError):
            process.kill()
        said = log.read_text(errors="replace").splitlines()[-_LINES:]
        raise SurroundingsError("the server did not start", where=str(log), hints=said)
    durable.write(home / _PORT, server.url.rpartition(":")[2].encode(), synced=False)
    return server


def _answers(home: Path, pid: int) -> bool:
    server = servers.of_process(home, pid)
    return server is not None and server.is_answering


def _launch(home: Path, log: Path, port: int) -> subprocess.Popen[bytes]:
    words = ["serve", "--port", str(port), "--end-when-idle", str(IDLE_MINUTES), "--unattended", str(log)]
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, private.FILE)
    with open(written, "wb") as output:
        return subprocess.Popen(  # noqa: S603  # our own words
            [sys.executable, "-m", "localhai", *words],
            cwd=home,
            env={**os.environ, "LOCALHAI_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _port(home: Path) -> int:
    """The port of last time where nobody else has it now, else 0: any free one."""
    from localhai.errors import UsageError
    from localhai.server.listening import bound

    try:
        wanted = int((home / _PORT).read_text())
        with closing(bound("127.0.0.1", wanted)):
            return wanted
    except (OSError, ValueError, UsageError):
        return 0


def _waited_for(came: Callable[[], bool], seconds: float) -> bool:
    """Whether it came within so many seconds."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not came():
        if time.monotonic() > deadline:
            return False
        pause.wait(LOOK)
    return True
