"""One cluster for all tests. They are collected by `make cluster-test` only, where Airflow and Celery are."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))  # for modules that several folders of tests import

collect_ignore_glob: list[str] = []
if not all(importlib.util.find_spec(name) for name in ("airflow", "celery")):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two machines at work."""
    from tests.cluster.cluster import running_cluster

    with running_cluster() as running:
        yield running
