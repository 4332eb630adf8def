"""Which servers answer for a home: each says so in a file of the home, `server/at/PID.json`, as long as it runs.

The file is for its owner alone. What a server that died has left is passed over: its process is gone.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from localhai.system import private, strict_json
from localhai.system.process import boot_id, host_name, is_running, process_start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.executions.home import Home

_FOLDER = "server/at"
_LONGEST = 2.0  # seconds for an answer of this machine


class ServerAddress(Struct, frozen=True):
    """A server of this machine. `url` is where a browser here reaches it, `log` its file in the background."""

    url: str
    pid: int
    process_start: str
    boot_id: str
    host: str
    version: str
    log: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether its process is there: of another host, such as a container with this home, we do not know."""
        return self.host == host_name() and is_running(self.pid, self.process_start, self.boot_id)

    @property
    def is_answering(self) -> bool:
        """Whether it is there and answers."""
        return self.is_running and _answers(self.url)


@contextmanager
def announced(home: Path, url: str, version: str, log: Path | None = None) -> Iterator[ServerAddress]:
    """Say where this process answers, until the end of the block."""
    from localhai.system import durable

    pid = os.getpid()
    own = ServerAddress(
        url, pid, process_start(pid) or "", boot_id(), host_name(), version, None if log is None else str(log)
    )
    path = home / _FOLDER / f"{pid}.json"
    private.make_folder(path.parent)
    durable.write(path, strict_json.encode(strict_json.values(own)), synced=False)
    try:
        yield own
    finally:
        with suppress(OSError):
            path.unlink()


def answering(home: Path) -> ServerAddress | None:
    """The server of this home that began last and answers."""
    return next((found for found in _known(home) if found.is_answering), None)


def page_of(home: Path, project_id: str, kind: str, key: str) -> str | None:
    """The page of an execution, a pipeline or a task on the server that answers; None where none does."""
    server = answering(home)
    return None if server is None else f"{server.url}/p/{project_id}/{kind}/{key}/"


def address_of(home: Home, execution_id: str) -> str:
    """The execution's page while a server of this home answers, else its folder, which browsers open by hand only."""
    execution = home.execution(execution_id)
    page = page_of(home.folder, execution.record.project_id, "execution", execution.id)
    return page or execution.folder.absolute().as_uri()


def of_process(home: Path, pid: int) -> ServerAddress | None:
    """What this process says of itself, once it does."""
    return _read(home / _FOLDER / f"{pid}.json")


def unattended(home: Path) -> list[ServerAddress]:
    """Those that run in the background, whether they answer or not."""
    return [found for found in _known(home) if found.log is not None and found.is_running]


def _known(home: Path) -> list[ServerAddress]:
    """Newest first; files of processes of this host that are gone are taken away."""
    paths = []
    with suppress(OSError):
        paths = sorted((home / _FOLDER).glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    found = []
    for path in paths:
        address = _read(path)
        if address is None:
            continue
        if address.host == host_name() and not address.is_running:
            path.unlink(missing_ok=True)
        else:
            found.append(address)
    return found


def _read(path: Path) -> ServerAddress | None:
    try:
        return strict_json.convert(json.loads(path.read_bytes()), ServerAddress)
    except (OSError, ValueError):  # gone meanwhile, or of another version
        return None


def _answers(url: str) -> bool:
    from http.client import HTTPConnection, HTTPException

    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_LONGEST)
    try:
        connection.request("GET", "/")
        return bool(connection.getresponse().status)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
