"""Runs after all others: nothing with our labels that these tests made is left on the engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localhai.containers.docker.connect import connect
from localhai.containers.engine import Engine
from tests.conftest import LEFT_BEFORE

pytestmark = pytest.mark.docker

LABEL = {"localhai.execution": None}


@pytest.fixture
def engine() -> Iterator[Engine]:
    found = connect()
    yield found
    found.close()


@pytest.fixture
def before(pytestconfig: pytest.Config) -> frozenset[str]:
    """Names of what was there when the tests were collected."""
    return pytestconfig.stash[LEFT_BEFORE]


def test_no_container_is_left(engine: Engine, before: frozenset[str]) -> None:
    assert [item for item in engine.containers(LABEL) if item.name not in before] == []


def test_no_volume_is_left(engine: Engine, before: frozenset[str]) -> None:
    assert set(engine.volumes(LABEL)) - before == set()


def test_no_network_is_left(engine: Engine, before: frozenset[str]) -> None:
    assert set(engine.networks(LABEL)) - before == set()
