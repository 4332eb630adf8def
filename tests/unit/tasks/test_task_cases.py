"""Every task of tests/cases/task-*, over the fake engine, by its command line.

`task.json` says `about`, the rows of `reference`, and what the task `t` comes to: its `status`, `error`, the `statuses`
of its executions, by number the `sets` of parameters with which they ran, and what localhai `says`. `again`: how many
executions the same task makes when it is run once more.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine

if TYPE_CHECKING:
    from localhai.testing import FakeContainer

CASES = Path(__file__).parents[2] / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/task.json"))


def work(container: FakeContainer) -> int:
    """As work.py of the cases."""
    container.out(json.dumps(container.parameters) + "\n")
    code = container.parameters["code"]
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize("name", NAMES)
def test_task(name: str, tmp_path: Path, used_home: Path) -> None:
    case = json.loads((CASES / name / "task.json").read_text())
    folder = tmp_path / "case"
    shutil.copytree(CASES / name, folder)
    engine = FakeEngine()
    engine.behave(work)
    with Home(Settings.load(flags={"home": used_home}), engine=engine) as home:
        done = CliRunner().invoke(cli, ["task", "run", "t", "--json"], obj=Call(home=home, folder=folder))
        if "again" in case:
            before = home.records.count_executions()
            CliRunner().invoke(cli, ["task", "run", "t", "--json"], obj=Call(home=home, folder=folder))
            assert home.records.count_executions() == before + case["again"]
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
