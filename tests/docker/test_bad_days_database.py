"""The database of records is away for a moment."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import postgresql
import pytest

from localhai.containers import labels

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


@pytest.fixture
def server() -> Iterator[Any]:
    made = postgresql.Server.create()
    yield made
    made.remove()


def test_postgresql_stopped_and_started_again_while_a_step_runs(bench, server) -> None:
    bench.environment["LOCALHAI_DATABASE_URL"] = server.url()
    bench.step(["echo ready", "echo kept > /valohai/outputs/kept.txt", "sleep 2", "echo end"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    server.stop()
    bench.until(lambda: "end" in run.out)
    bench.until(lambda: "does not answer" in run.err)
    assert run.process.poll() is None
    assert run.err.count("does not answer; waiting up to 30 s for it.") == 1, run.err
    server.start()
    assert run.code() == 0, run.err
    execution = bench.last()
    assert execution["status"] == "complete"
    assert [item["name"] for item in execution["outputs"]] == ["kept.txt"]
    command = ["docker", "ps", "-aq", "--filter", f"label={labels.EXECUTION}={execution['id']}"]
    assert subprocess.run(command, check=True, capture_output=True).stdout == b""


def test_ctrl_c_stops_the_container_while_postgresql_answers_nothing(bench, server) -> None:
    """A server that hangs keeps whoever asks it waiting: the container must not wait with it."""
    bench.environment["LOCALHAI_DATABASE_URL"] = server.url()
    bench.step(["trap 'echo heard; exit 3' TERM", "echo ready", "while true; do sleep 0.1; done"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    with server.hung():
        time.sleep(2)  # longer than a look at the records takes to come
        run.signal(signal.SIGINT)
        bench.until(lambda: "heard" in run.out, seconds=20)  # far less than the server's return
        assert run.process.poll() is None
    assert run.code() == 130, run.err
    execution = bench.last()
    assert (execution["status"], execution["error"]) == ("stopped", "it was interrupted")


def test_postgresql_that_does_not_return_in_time(bench, server) -> None:
    bench.environment["LOCALHAI_DATABASE_URL"] = server.url()
    bench.step(["echo ready", "echo kept > /valohai/outputs/kept.txt", "sleep 1", "echo end"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    server.stop()
    assert run.code() == 4, run.err
    assert "the database of records does not answer" in run.err
    assert "Traceback" not in run.err
    folder = next(bench.home.glob("executions/news/1-*"))
    assert (folder / "log").read_text().startswith("ready\nend\n")
    assert (folder / "outputs" / "kept.txt").read_text() == "kept\n"
    server.start()
    back = bench.call("execution", "list")
    assert back.process.returncode == 0, back.err
    assert "it is closed as complete, log and outputs are kept" in back.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("complete", 0)
    assert [item["name"] for item in execution["outputs"]] == ["kept.txt"]
    command = ["docker", "ps", "-aq", "--filter", f"label={labels.EXECUTION}={execution['id']}"]
    assert subprocess.run(command, check=True, capture_output=True).stdout == b""
