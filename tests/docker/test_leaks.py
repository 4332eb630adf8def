"""Runs after all others: nothing with our labels is left on the engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localhai.containers.connect import connect
from localhai.containers.engine import Engine

pytestmark = pytest.mark.docker

LABEL = {"localhai.execution": None}


@pytest.fixture
def engine() -> Iterator[Engine]:
    found = connect()
    yield found
    found.close()


def test_no_container_is_left(engine: Engine) -> None:
    assert engine.containers(LABEL) == []


def test_no_volume_is_left(engine: Engine) -> None:
    assert engine.volumes(LABEL) == []


def test_no_network_is_left(engine: Engine) -> None:
    assert engine.networks(LABEL) == []
