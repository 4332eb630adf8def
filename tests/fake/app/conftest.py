"""A home over an engine without Docker, whose `train` makes a model, and the folder of a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import Canned, FakeEngine


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    made = FakeEngine()
    made.behave(Canned(output='{"loss": 0.5}\n', files={"model.bin": b"model"}), step="train")
    yield made
    made.close()


@pytest.fixture
def home(used_home: Path, engine: FakeEngine) -> Iterator[Home]:
    with Home(Settings(home=used_home), engine=engine) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """With the valohai.yaml that the tests' module calls YAML."""
    found = tmp_path / "news"
    found.mkdir()
    (found / "valohai.yaml").write_text(request.module.YAML)
    return found
