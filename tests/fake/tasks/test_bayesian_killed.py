"""A Bayesian task whose localhai is killed in the midst of a batch goes on as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeContainer, FakeEngine

pytest.importorskip("optuna")

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: "true"
    parameters:
      - {name: x, type: float, default: 1}
"""
COUNT = 23
SWEEP = (
    *("task", "run", "train", "--bayesian", "--random", "x=0:1", "--target", "loss=0", "--draw-seed", "7"),
    *("--execution-count", str(COUNT), "--execution-batch-size", "2"),
)
KILLED_AT = 22  # the second of the first batch, behind 20 draws


def calling(home: Path, project: Path, *words: str, sleep_at: int | None = None) -> tuple[int, str]:
    """`localhai WORDS` over an engine of its own; the exit code and what it printed."""
    engine, counter, lock = FakeEngine(), 0, threading.Lock()

    def learn(container: FakeContainer) -> int:
        nonlocal counter
        with lock:
            counter += 1
        if counter == sleep_at:
            sys.stdout.write("asleep\n")
            sys.stdout.flush()
            container.sleep(600)
        x = container.parameters["x"]
        assert isinstance(x, float)
        container.out(json.dumps({"loss": (x - 0.3) ** 2}) + "\n")
        return 0

    engine.behave(learn)
    with Home(Settings.load(flags={"home": home}), engine=engine) as opened:
        words = (*words, "--jobs", "1", "--json")
        if sleep_at is not None:  # seen by whoever kills us: not to be taken by the runner
            cli.main([*words], obj=Call(home=opened, folder=project), standalone_mode=False)
        done = CliRunner().invoke(cli, [*words], obj=Call(home=opened, folder=project))
    engine.close()
    return done.exit_code, done.stdout


def tried(document: str) -> list[float]:
    """The parameters of the executions, in their order."""
    found = json.loads(document)
    assert found["statuses"] == {"complete": COUNT}, found["statuses"]
    return [row["parameters"]["x"] for row in sorted(found["executions"], key=lambda row: row["number"])]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process that can be killed")
def test_kill_9_in_a_batch(tmp_path: Path, used_home: Path) -> None:
    project, other = tmp_path / "sweeps", tmp_path / "other-home"
    project.mkdir()
    (project / "valohai.yaml").write_text(YAML)
    shutil.copytree(used_home, other)
    whole = tried(calling(other, project, *SWEEP)[1])

    arguments = [str(used_home), str(project), str(KILLED_AT), *SWEEP]
    process = subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as lines:
        assert lines.readline() == "asleep\n"
        process.send_signal(signal.SIGKILL)
    process.wait()

    code, document = calling(used_home, project, "task", "resume", "1")
    assert (code, tried(document)) == (0, whole)
    counters = [row["counter"] for row in json.loads(document)["executions"]]
    assert sorted(counters) == [*range(1, KILLED_AT), *range(KILLED_AT + 1, COUNT + 2)]  # what was complete is kept


if __name__ == "__main__":
    _, home, project, sleep_at, *rest = sys.argv
    calling(Path(home), Path(project), *rest, sleep_at=int(sleep_at))
