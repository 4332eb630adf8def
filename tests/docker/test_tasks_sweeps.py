"""Tasks on the real engine: the example project's sweep, Ctrl-C and a resume."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

COMMAND = [sys.executable, "-m", "localhai.cli"]
EXAMPLE = Path(__file__).parents[2] / "example_project"
YAML = """\
- step:
    name: nap
    image: python:3.11-slim
    command:
      - sleep {parameter-value:seconds}
      - test -n "$VH_TASK_ID"
    parameters:
      - {name: seconds, type: float, default: 0}
"""


def localhai(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], cwd=folder, capture_output=True, text=True, timeout=200, check=False)


def test_the_sweep_of_the_example_project(tmp_path: Path) -> None:
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder)
    assert localhai(folder, "run", "preprocess").returncode == 0
    done = localhai(folder, "task", "run", "learning-rates", "--jobs=2", "--epochs=2", "--csv", "--sort=-accuracy")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert {(row["--learning-rate"], row["--l2"]) for row in rows} == {
        (rate, l2) for rate in ("0.05", "0.2", "0.5", "2.0") for l2 in ("0.0", "0.0001")
    }
    accuracies = [float(row["accuracy"]) for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert {row["Status"] for row in rows} == {"complete"}


def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "valohai.yaml").write_text(YAML)
    words = [*COMMAND, "task", "run", "nap", "--grid", "seconds=0,0.1,40", "--jobs", "3", "--output", "--json"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    ended = 0
    for line in process.stderr:
        ended += " complete " in line
        if ended == 2:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    stopped = json.loads(out)
    assert stopped["status"] == "stopped"
    assert stopped["statuses"] == {"complete": 2, "stopped": 1}
    (tmp_path / "valohai.yaml").write_text(YAML.replace("sleep ", "true "))
    done = localhai(tmp_path, "task", "resume", "latest", "--current", "--json")
    assert done.returncode == 0, done.stderr
    resumed = json.loads(done.stdout)
    assert (resumed["status"], resumed["statuses"]) == ("complete", {"complete": 3})
    assert [row["parameters"]["seconds"] for row in resumed["executions"]] == [0, 0.1, 40]
    assert [row["counter"] for row in resumed["executions"]][:2] == [row["counter"] for row in stopped["executions"]][
        :2
    ]
