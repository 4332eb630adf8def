"""`vh task` against `localhai serve` and a real engine."""

from __future__ import annotations

import pytest
from vh_command import linked

pytestmark = pytest.mark.docker

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters:
      - {name: epochs, type: integer, default: 2}
      - {name: rate, type: float, default: 0.5}
- step:
    name: slow
    image: python:3.11-slim
    command: sh -c 'sleep 100' slow {parameters}
    parameters:
      - {name: number, type: integer, default: 1}
- task:
    name: sweep
    step: train
    type: grid_search
    parameters:
      - name: epochs
        style: multiple
        rules: {items: [3, 4]}
- task:
    name: pairs
    step: train
    type: manual_search
    on-child-error: continue-and-complete
    parameter-sets:
      - {epochs: 5, rate: 0.1}
      - {epochs: 6, rate: 0.2}
- task:
    name: slow-sweep
    step: slow
    type: grid_search
    maximum-queued-executions: 1
    parameters:
      - name: number
        style: linear
        rules: {start: 1, end: 3, step: 1}
- task:
    name: wrong
    step: train
    type: random_search
    parameters:
      - name: rate
        style: random
        rules: {min: 5, max: 1}
    execution-count: 2
"""
TRAIN = """\
import json, os, sys
print(json.dumps({"given": " ".join(sys.argv[1:]), "mode": os.environ.get("MODE")}))
"""


@pytest.fixture(scope="module")
def demo(vh_program, tmp_path_factory):
    files = {"valohai.yaml": YAML, "train.py": TRAIN}
    with linked(vh_program, tmp_path_factory.mktemp("tasks"), files, "--jobs", "2") as made:
        yield made


def given(vh, project, counter):
    rows = vh.api(f"tasks/{project}:{counter}/executions/")["results"]
    return [row["cumulative_metadata"]["given"] for row in rows]


def test_tasks_are_run_listed_and_stopped(demo):
    vh, project = demo
    assert "No tasks" in vh("task", "list")
    said = vh("task", "run", "--adhoc", "--title", "both", "--tag", "one", "--var", "MODE=fast", "sweep", "--rate=0.25")
    assert f"Task !1 created. See {vh.server.url}/p/{project}/task/" in said
    assert vh.until_ended(f"tasks/{project}:1/") == "complete"
    assert sorted(given(vh, project, 1)) == ["--epochs=3 --rate=0.25", "--epochs=4 --rate=0.25"]
    shown = vh.api(f"tasks/{project}:1/")
    assert (shown["title"], shown["tags"], shown["status_summary"]["complete_count"]) == ("both", ["one"], 2)
    assert vh.api(f"executions/{project}:1/")["cumulative_metadata"]["mode"] == "fast"

    assert "Task !2 created" in vh("task", "run", "--adhoc", "--on-child-error", "stop-all-and-error", "pairs")
    assert vh.until_ended(f"tasks/{project}:latest/") == "complete"
    assert given(vh, project, 2) == ["--epochs=5 --rate=0.1", "--epochs=6 --rate=0.2"]
    assert vh.api(f"tasks/{project}:2/")["on_child_error"] == "stop_all_and_error"

    assert "Task !3 created" in vh("task", "run", "--adhoc", "slow-sweep")
    listed = vh("task", "list")
    assert all(word in listed for word in ("both", "complete", "slow", "started", f"/p/{project}/task/"))
    assert [row["counter"] for row in vh.json("task", "list", "--count", "2")] == [3, 2]
    stopped = vh("task", "stop", "latest")
    assert all(word in stopped for word in ("Stopping !3", "OK", "Done."))
    assert vh.until_ended(f"tasks/{project}:3/") == "stopped"
    assert "is stopped already" in vh("task", "stop", "2-3")
    assert "Nothing to stop" in vh("task", "stop", "--all")
    assert "No tasks" in vh("task", "list", "--deleted")


def test_mistakes_in_tasks_are_said_in_words(demo):
    vh, _project = demo
    known = len(vh.api("tasks/")["results"])
    assert '"nothing" is not a known task' in vh("task", "run", "--adhoc", "nothing", code=2)
    assert "No such option" in vh("task", "run", "--adhoc", "sweep", "--nothing=1", code=2)
    assert "not a valid integer" in vh("task", "run", "--adhoc", "sweep", "--epochs=many", code=2)
    assert "min of 5, which is more than its max of 1" in vh("task", "run", "--adhoc", "wrong", code=1)
    assert "not a valid" in vh("task", "run", "--adhoc", "--max-queued", "many", "sweep", code=2)
    assert "Nothing to stop" in vh("task", "stop", "99")
    assert len(vh.api("tasks/")["results"]) == known
    assert "These tasks are available" in vh("task", "run", "--help")
