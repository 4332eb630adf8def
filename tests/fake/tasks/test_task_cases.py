"""Every task of tests/cases/task-*, over the fake engine, whose containers are shells of this machine.

`task.json` says `about`, the rows of `reference`, the `words` behind the name if there are any, and what the task `t`
comes to: its `status`, `error`, the `statuses` of its executions, by number the `sets` of what they logged (work.py
logs its parameters), and what localhai `says`. `again`: how many executions the same task makes when it is run once
more.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import shell_containers as containers
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine

CASES = Path(__file__).parents[2] / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/task.json"))
KEYS = {"about", "reference", "words", "status", "error", "statuses", "sets", "says", "again"}


@pytest.mark.parametrize("name", NAMES)
def test_task(name: str, tmp_path: Path, used_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = json.loads((CASES / name / "task.json").read_text())
    assert not case.keys() - KEYS
    folder = tmp_path / "case"
    shutil.copytree(CASES / name, folder)
    monkeypatch.chdir(folder)
    engine = FakeEngine()
    engine.behave(containers.shell)
    words = ["task", "run", "t", "--json", *case.get("words", ())]
    with Home(Settings.load(flags={"home": used_home}), engine=engine) as home:
        done = CliRunner().invoke(cli, words, obj=Call(home=home, folder=folder))
        if "again" in case:
            before = home.records.executions.count()
            CliRunner().invoke(cli, words, obj=Call(home=home, folder=folder))
            assert home.records.executions.count() == before + case["again"]
    engine.close()
    found = json.loads(done.stdout)
    assert (found["status"], found["error"]) == (case["status"], case["error"])
    assert case["statuses"] in (None, found["statuses"])  # None: it depends on who is faster
    assert done.exit_code == (0 if case["status"] == "complete" else 1)
    rows = sorted(found["executions"], key=lambda row: row["number"])
    ran = [{key: row["metadata"][key] for key in wanted} for row, wanted in zip(rows, case["sets"], strict=True)]
    assert ran == case["sets"]
    assert all(text in done.stderr for text in case.get("says", []))
    assert case["about"].endswith(".")
    assert case["reference"]
