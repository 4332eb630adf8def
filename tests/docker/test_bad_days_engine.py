"""No engine answers."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.docker


def test_an_engine_that_is_not_there_lists_the_places_tried(bench, tmp_path) -> None:
    bench.step("true")
    place = f"unix://{tmp_path}/no-engine.sock"
    run = bench.call("run", "work", env={"DOCKER_HOST": place})
    assert run.process.returncode == 4, run.err
    assert place in run.err
    assert "Traceback" not in run.err
