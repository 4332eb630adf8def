"""The database of records is away for a moment."""

from __future__ import annotations

import sqlite3
import time

import pytest

pytestmark = pytest.mark.docker


def test_sqlite_locked_by_another_process_for_some_seconds(bench) -> None:
    bench.step(["echo ready", "while test ! -e /valohai/outputs/go; do sleep 0.1; done", "echo end"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    folder = bench.home / bench.records()[0].folder
    other = sqlite3.connect(bench.home / "localhai.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    (folder / "outputs" / "go").touch()
    time.sleep(3)
    assert run.process.poll() is None
    other.execute("ROLLBACK")
    other.close()
    assert run.code() == 0, run.err
    execution = bench.last()
    assert execution["status"] == "complete"
    assert [item["name"] for item in execution["outputs"]] == ["go"]
    assert bench.log().startswith("ready\nend\n")
