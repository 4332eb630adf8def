"""A task's worker is killed in mid-step and the task tried again: one execution for one task instance (dev mode)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hearing import Hearing
from msgspec.structs import replace

from localhai.airflow.local import LocalPlatform
from localhai.airflow.platform import ExecutionRequest, PipelineRequest, Watcher
from localhai.app.projects import Places
from localhai.containers.docker.connect import connect

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
SLOW = ["echo begun", "while [ ! -e /tmp/gate ]; do sleep 0.1; done", "echo over > /valohai/outputs/a.txt"]
WORKER = """
import json, sys
from localhai.airflow.local import LocalPlatform
from localhai.airflow.platform import Watcher
from localhai.app.projects import Places
from localhai.airflow import platform
kind, values = json.loads(sys.argv[1])
LocalPlatform(Places()).run(getattr(platform, kind)(**values), Watcher())
"""
ORIGIN = "airflow:dag/run/train"


def open_gate(container: str) -> None:
    engine = connect()
    engine.execute(container, ("touch", "/tmp/gate"))
    engine.close()


@pytest.fixture
def killed(bench: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start a request in a worker of its own, and kill that with SIGKILL once its container has begun."""
    slow: dict[str, Any] = {"name": "slow", "image": IMAGE, "command": SLOW}
    quick = {"name": "quick", "image": IMAGE, "command": "echo one > /valohai/outputs/one.txt"}
    nodes = [{"name": name, "type": "execution", "step": name} for name in ("quick", "slow")]
    edges = [["quick.output.one.txt", "slow.input.one"]]
    slow["inputs"] = [{"name": "one", "optional": True}]
    document = [{"step": slow}, {"step": quick}, {"pipeline": {"name": "both", "nodes": nodes, "edges": edges}}]
    (bench.folder / "valohai.yaml").write_text(json.dumps(document))
    monkeypatch.setenv("LOCALHAI_PROJECTS", f"news={bench.folder}")
    monkeypatch.setenv("LOCALHAI_STOP_GRACE", "1")

    def kill(request: ExecutionRequest | PipelineRequest) -> Callable[[], object]:
        asked = json.dumps([type(request).__name__, request.to_dict()])
        worker = subprocess.Popen([sys.executable, "-c", WORKER, asked], env={**os.environ})
        bench.until(lambda: (bench.home / "localhai.db").exists() and bench.records())
        bench.until(lambda: bench.records()[0].step == "slow" and bench.records()[0].folder and "begun" in bench.log())
        container = bench.container()
        worker.kill()
        worker.wait()
        return lambda: open_gate(container)

    return kill


def test_the_next_try_watches_the_container_on(bench: Any, killed: Any) -> None:
    request = ExecutionRequest("news", "slow", origin=ORIGIN, tags=["mine"])
    killed(request)()
    hearing = Hearing()

    details = LocalPlatform(Places()).run(request, hearing)

    assert details["status"] == "complete"
    assert details["tags"] == ["mine"]
    assert [item["name"] for item in details["outputs"]] == ["a.txt"]
    assert "begun" in hearing.lines
    assert len(bench.records()) == 1


def test_what_ended_while_nobody_listened_is_taken_once(bench: Any, killed: Any) -> None:
    request = ExecutionRequest("news", "slow", origin=ORIGIN)
    killed(request)()
    bench.call("execution", "list")  # any localhai looks after it
    bench.until(lambda: bench.records()[0].status == "complete")
    platform = LocalPlatform(Places())

    first = platform.run(request, Watcher())
    platform.hand_over(first)
    cleared = platform.run(replace(request, step="quick"), Watcher())

    assert first["counter"] == 1
    assert cleared["counter"] == 2, "a task that was cleared after it succeeded runs anew"


def test_other_task_instances_start_their_own(bench: Any, killed: Any) -> None:
    request = ExecutionRequest("news", "slow", origin=ORIGIN)
    gate = killed(request)
    other = replace(request, step="quick", origin=f"{ORIGIN}[1]")
    assert LocalPlatform(Places()).run(other, Watcher())["counter"] == 2
    gate()
    assert LocalPlatform(Places()).run(request, Watcher())["counter"] == 1
    assert len(bench.records()) == 2


def test_a_pipeline_keeps_what_its_killed_try_finished(bench: Any, killed: Any) -> None:
    request = PipelineRequest("news", "both", origin=ORIGIN)
    killed(request)()
    hearing = Hearing()

    details = LocalPlatform(Places()).run(request, hearing)

    assert details["status"] == "complete"
    assert "kept of it: quick, slow" in "\n".join(hearing.lines)
    assert [row.step for row in bench.records()] == ["slow", "quick"]


def test_who_waits_for_it_alone_does_not_wait_in_vain(bench: Any, killed: Any) -> None:
    """As the trigger of a deferred task, or a sensor: it looks, and no other localhai does."""
    killed(ExecutionRequest("news", "slow"))()
    [record] = bench.records()

    bench.until(lambda: LocalPlatform(Places()).details("execution", record.id)["status"] == "complete")


@pytest.fixture
def elsewhere(bench: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Records are shared; once called, what follows runs in another home, in which silence counts at once.

    At the end the first home is back, and cleans up.
    """
    monkeypatch.setenv("LOCALHAI_DATABASE_URL", f"sqlite:///{bench.home}/localhai.db")
    bench.environment["LOCALHAI_DATABASE_URL"] = f"sqlite:///{bench.home}/localhai.db"
    monkeypatch.setenv("LOCALHAI_HOST_TIMEOUT", "0")

    def go() -> None:
        monkeypatch.setenv("LOCALHAI_HOME", str(tmp_path / "elsewhere"))

    yield go
    assert bench.call("execution", "list").process.returncode == 0


def test_a_pipeline_goes_on_on_another_machine(bench: Any, elsewhere: Any, killed: Any) -> None:
    request = PipelineRequest("news", "both", origin=ORIGIN)
    killed(request)
    torn = bench.records()[0].id
    elsewhere()
    hearing = Hearing()

    def open_the_new_gate() -> None:
        bench.until(lambda: bench.records()[0].id != torn and bench.records()[0].status == "started")
        open_gate(bench.container())

    opening = threading.Thread(target=open_the_new_gate)
    opening.start()
    details = LocalPlatform(Places()).run(request, hearing)
    opening.join()

    assert details["status"] == "complete"
    assert "kept of it: quick" in "\n".join(hearing.lines)
    assert [(row.step, row.status) for row in bench.records()] == [
        ("slow", "complete"),
        ("slow", "crashed"),
        ("quick", "complete"),
    ]
    assert bench.records()[1].outputs == ()


def test_a_step_that_another_machine_took_to_its_grave_runs_again_in_the_same_try(
    bench: Any, elsewhere: Any, killed: Any
) -> None:
    request = ExecutionRequest("news", "slow", origin=ORIGIN)
    killed(request)
    elsewhere()

    details = LocalPlatform(Places()).run(replace(request, step="quick"), Watcher())

    assert (details["counter"], details["status"]) == (2, "complete")
    assert [row.status for row in bench.records()] == ["complete", "crashed"]
