"""The terminal is closed: SIGHUP, and EIO at every write from then on. It is what SIGTERM does, and no more."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localhai.records import Records

YAML = """\
- step:
    name: slow
    image: python:3.11-slim
    command: python slow.py
    parameters: [{name: number, type: integer, default: 1}]
- task:
    name: sweep
    step: slow
    type: grid_search
    parameters: [{name: number, style: multiple, rules: {items: [1]}}]
- pipeline:
    name: line
    nodes: [{name: one, type: execution, step: slow}]
    edges: []
"""


COMMANDS = [("run", "slow"), ("pipeline", "run", "line"), ("task", "run", "sweep"), ("run", "slow", "--json")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_closing_the_terminal_stops_as_sigterm_does(tmp_path: Path, words: tuple[str, ...]) -> None:
    project, home, begun = tmp_path / "news", tmp_path / "home", tmp_path / "begun"
    project.mkdir()
    (project / "valohai.yaml").write_text(YAML)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("hanging_up.py")), str(home), str(project), str(begun), *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    end = time.monotonic() + 60
    while not begun.exists():
        assert time.monotonic() < end
        assert process.poll() is None
        if select.select([master], [], [], 0.02)[0]:  # a read that blocks would keep it open
            os.read(master, 4096)
    os.close(master)
    assert process.wait(60) == 130

    assert not list(home.glob("crash-*"))
    records = Records.open(home, None)
    execution = records.executions.list()[0]
    assert (execution.status, execution.exit_code) == ("stopped", 3)
    assert execution.document["error"] == "it was interrupted"
    assert [item.name for item in execution.outputs] == ["last.txt"]
    assert (home / execution.folder / "log").read_text().count("last line") == 1
    assert {str(item.status) for item in (*records.pipelines.list(), *records.tasks.list())} <= {"stopped"}
    records.close()
