"""Images are pulled once for all who ask, busy registries are asked again, and whoever waits hears a stop."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from localhai.containers import images
from localhai.containers.docker.errors import image_not_found
from localhai.errors import ImageNotFound, Interrupted
from localhai.system.locks import alone
from localhai.system.retry import Retry
from localhai.testing import FakeEngine

NAME = "registry.example/base:1"


class Registry(FakeEngine):
    """Its registry says these things before it gives the image."""

    def __init__(self, *said: str) -> None:
        super().__init__(images=(), pullable=(NAME,))
        self.said = list(said)

    def pull(self, reference: str, progress: Any = None) -> Any:
        if self.said:
            raise image_not_found(reference, self.said.pop(0))
        return super().pull(reference, progress)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "RETRY", Retry(attempts=3, first=0.001, longest=0.001))


@pytest.mark.parametrize(
    "said",
    [
        "received unexpected HTTP status: 503 Service Unavailable",
        "error pulling image configuration: download failed: unexpected EOF",
        "net/http: TLS handshake timeout",
        "read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer",
    ],
)
def test_a_registry_that_is_busy_for_a_moment_is_asked_again_and_that_is_said(said: str) -> None:
    heard: list[str] = []
    assert images.ensure(Registry(said, said), NAME, notify=heard.append).reference == NAME
    assert heard[0] == f"pulling the image {NAME}"
    assert heard[1].startswith(f"{NAME}: the registry is busy or breaks off; trying again in ")
    with pytest.raises(ImageNotFound, match="cannot be reached"):
        images.ensure(Registry(*[said] * 3), NAME)


@pytest.mark.parametrize("said", ["manifest unknown", "unauthorized", "toomanyrequests: rate limit", "no such host"])
def test_what_does_not_pass_is_not_asked_again(said: str) -> None:
    registry = Registry(said)
    with pytest.raises(ImageNotFound):
        images.ensure(registry, NAME)
    assert registry.said == []


@pytest.mark.parametrize("among", ["threads", "processes"])
def test_who_waits_for_the_pull_of_another_hears_a_stop(tmp_path: Path, among: str) -> None:
    engine, heard = Registry(), []
    key = f"pull {engine.info().place} {NAME}"
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        if among == "threads":
            with alone(key, tmp_path):
                held.set()
                over.wait(60)
        else:
            import fcntl
            import hashlib

            with (tmp_path / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.lock").open("wb") as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX)
                held.set()
                over.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    try:
        with pytest.raises(Interrupted):
            images.ensure(engine, NAME, notify=heard.append, locks=tmp_path, cancelled=lambda: bool(heard))
    finally:
        over.set()
        thread.join()
    assert heard == [f"another localhai pulls the image {NAME}; waiting for it"]
    assert images.ensure(engine, NAME, locks=tmp_path).reference == NAME


def test_a_stop_is_heard_while_the_registry_is_silent() -> None:
    asked, over = threading.Event(), threading.Event()

    class Silent(Registry):
        def pull(self, reference: str, progress: Any = None) -> Any:
            asked.set()
            over.wait(60)
            return super().pull(reference, progress)

    try:
        with pytest.raises(Interrupted):
            images.ensure(Silent(), NAME, cancelled=asked.is_set)
        with pytest.raises(Interrupted):  # as a pipeline looks at all its images
            images.ensure_all(Silent(), {NAME: ["a node"]}, cancelled=asked.is_set)
    finally:
        over.set()
