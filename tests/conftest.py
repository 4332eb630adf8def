"""Fixtures of all layers: every test has a home of its own and none of this machine's settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, credential or colour of this machine reaches a test; the home is empty."""
    for name in list(os.environ):
        if name.startswith(("LOCALHAI_", "AWS_", "VH_", "GIT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LOCALHAI_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def home_folder() -> Path:
    """The LOCALHAI_HOME of this test."""
    return Path(os.environ["LOCALHAI_HOME"])


LEFT_BEFORE = pytest.StashKey[frozenset[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What looks for leftovers looks last, and only for what these tests left: not an earlier, killed run of them."""
    items.sort(key=lambda item: "leaks" in item.nodeid)
    if items and "leaks" in items[-1].nodeid:
        from localhai.containers.connect import connect

        engine = connect()
        label = {"localhai.execution": None}
        config.stash[LEFT_BEFORE] = frozenset(
            [*(item.name for item in engine.containers(label)), *engine.volumes(label), *engine.networks(label)]
        )
        engine.close()
