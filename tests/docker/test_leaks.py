"""Runs after all others: nothing with our labels is left on the engine."""

from __future__ import annotations

import pytest

from localhai.containers.connect import connect

pytestmark = pytest.mark.docker

LABEL = {"localhai.execution": None}


def test_no_container_is_left() -> None:
    assert connect().containers(LABEL) == []


def test_no_volume_is_left() -> None:
    assert connect().volumes(LABEL) == []


def test_no_network_is_left() -> None:
    assert connect().networks(LABEL) == []
