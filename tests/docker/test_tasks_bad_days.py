"""Sweeps on the real engine on bad days: stopped from elsewhere, killed in the middle, two at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.docker

SECONDS = {"name": "seconds", "type": "float", "default": 0}


def nap(bench: Any, command: str = "sleep {parameter-value:seconds}") -> None:
    (bench.folder / "tell.py").write_text('import sys\nprint(\'{"slept": \' + sys.argv[1] + "}")\n')
    bench.step([command, "python tell.py {parameter-value:seconds}"], parameters=[SECONDS])


def info(bench: Any, reference: str = "latest") -> Any:
    answer = bench.call("task", "info", reference, "--json")
    assert answer.process.returncode == 0, answer.err
    return json.loads(answer.out)


def test_a_sweep_is_stopped_from_elsewhere_and_resumed(bench: Any) -> None:
    nap(bench)
    run = bench.start("task", "run", "work", "--grid", "seconds=0,600,0.1")
    bench.until(lambda: " complete " in run.err and bench.container())
    assert "asked to stop" in bench.call("task", "stop", "1").err
    assert run.code() == 1, run.err
    stopped = info(bench)
    assert (stopped["status"], stopped["statuses"]) == ("stopped", {"complete": 1, "stopped": 1})
    nap(bench, "true")
    done = bench.call("task", "resume", "1", "--current", "--json")
    assert done.process.returncode == 0, done.err
    resumed = json.loads(done.out)
    assert resumed["statuses"] == {"complete": 3}
    assert resumed["executions"][0]["id"] == stopped["executions"][0]["id"]
    assert [row["metadata"] for row in resumed["executions"]] == [{"slept": 0}, {"slept": 600}, {"slept": 0.1}]


def test_kill_9_in_mid_sweep_and_the_next_start(bench: Any) -> None:
    nap(bench, "test {parameter-value:seconds} = 0.0 || while test ! -e /valohai/outputs/go; do sleep 0.1; done")
    run = bench.start("task", "run", "work", "--grid", "seconds=0,1,2", "--jobs", "1")
    bench.until(lambda: " complete " in run.err and len(bench.records()) == 2 and bench.container())
    held = bench.records()[0]
    run.die()
    look = bench.call("task", "resume", "1")
    (bench.home / held.folder / "outputs" / "go").touch()
    bench.until(lambda: bench.records()[0].status == "complete")
    assert look.process.returncode == 2
    assert "localhai task resume 1" in look.err
    assert "still in progress: #2" in look.err
    nap(bench, "true")
    done = bench.call("task", "resume", "1", "--current", "--json")
    assert done.process.returncode == 0, done.err
    found = json.loads(done.out)
    assert found["statuses"] == {"complete": 3}
    assert [row["counter"] for row in found["executions"]] == [1, 2, 3]


def test_two_sweeps_at_once(bench: Any) -> None:
    nap(bench)
    runs = [bench.start("task", "run", "work", "--grid", f"seconds=0,0.{number}", "--json") for number in (1, 2)]
    assert [run.code() for run in runs] == [0, 0]
    found = [json.loads(run.out) for run in runs]
    assert {task["counter"] for task in found} == {1, 2}
    assert sorted(row["counter"] for task in found for row in task["executions"]) == [1, 2, 3, 4]
    assert [[row["parameters"]["seconds"] for row in task["executions"]] for task in found] == [[0, 0.1], [0, 0.2]]
