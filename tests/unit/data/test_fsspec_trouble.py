"""gs:// and azure://: what the clients of fsspec raise, and what passes of it."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import Any

import pytest

from localhai.data.cache import Cache
from localhai.data.files import InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.data.progress import Waiting
from localhai.data.sources import DataSources
from localhai.data.sources.fsspec import FsspecSource
from localhai.errors import InputNotFound
from localhai.system.retry import Retry


class GoogleError(Exception):
    """As gcsfs has it: the status is `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"said {code}")
        self.code = code


class AzureError(Exception):
    """As Azure's client has it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"said {status}")
        self.status_code = status
        self.response = type("Response", (), {"headers": {"Retry-After": "0"}})


class ClientConnectionError(Exception):
    pass


class Broken(ClientConnectionError):
    pass


class Bucket:
    """A file system that raises these before it answers."""

    def __init__(self, troubles: list[Exception]) -> None:
        self.troubles = troubles

    def info(self, path: str) -> dict[str, Any]:
        self._stumble()
        return {"name": path, "size": 4, "type": "file", "etag": "1"}

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, Any]]:
        del detail
        self._stumble()
        return {f"{path}/x": self.info(path)}

    def open(self, _path: str, _mode: str, **_more: Any) -> io.BytesIO:
        self._stumble()
        return io.BytesIO(b"data")

    def _stumble(self) -> None:
        if self.troubles:
            raise self.troubles.pop(0)


def fetched(tmp_path: Path, troubles: list[Exception], key: str = "folder/x") -> tuple[bytes, list[Any]]:
    events: list[Any] = []
    quick = Retry(attempts=4, first=0.001, longest=0.001)
    with DataSources(retry=quick) as sources, Cache(tmp_path) as cache:
        sources._sources["gs"] = FsspecSource(lambda _account: Bucket(troubles))
        specs = [InputSpec("d", (f"gs://bucket/{key}",))]
        (file,) = fetch_inputs(specs, sources=sources, cache=cache, progress=events.append).files
        return file.path.read_bytes(), events


@pytest.mark.parametrize("key", ["folder/x", "folder/*"])
@pytest.mark.parametrize(
    "trouble", [GoogleError(503), AzureError(429), Broken("gone"), ConnectionResetError("reset"), TimeoutError("late")]
)
def test_what_passes_is_tried_again_and_said(tmp_path: Path, trouble: Exception, key: str) -> None:
    content, events = fetched(tmp_path, [trouble, trouble], key)
    assert content == b"data"
    assert [event.reason.split(": ", 1)[0] for event in events if isinstance(event, Waiting)] == [
        f"gs://bucket/{key}"
    ] * 2


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (GoogleError(400), "the store cannot be asked: said 400"),
        (FileNotFoundError("x"), "there is no such bucket or key"),
        (PermissionError("no"), "access is denied"),
        (ConnectionError(socket.gaierror(socket.EAI_NONAME, "unknown")), "the store does not answer"),
    ],
)
def test_what_stays_is_said_at_once(tmp_path: Path, trouble: Exception, reason: str) -> None:
    with pytest.raises(InputNotFound, match=reason):
        fetched(tmp_path, [trouble])
