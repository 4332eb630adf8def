"""Every task of tests/cases/task-*, on the real engine. tests/fake/tasks/test_task_cases.py has the format."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.docker

CASES = Path(__file__).parents[1] / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/task.json"))


@pytest.mark.parametrize("name", NAMES)
def test_task(name: str, bench: Any) -> None:
    case = json.loads((CASES / name / "task.json").read_text())
    shutil.copytree(CASES / name, bench.folder, dirs_exist_ok=True)
    done = bench.call("task", "run", "t", "--json", *case.get("words", ()))
    found = json.loads(done.out)
    assert (found["status"], found["error"]) == (case["status"], case["error"])
    assert case["statuses"] in (None, found["statuses"])  # None: it depends on who is faster
    rows = sorted(found["executions"], key=lambda row: row["number"])
    ran = [{key: row["metadata"][key] for key in wanted} for row, wanted in zip(rows, case["sets"], strict=True)]
    assert ran == case["sets"]
    if "again" in case:
        before = len(bench.records())
        assert bench.call("task", "run", "t", "--quiet").process.returncode == done.process.returncode
        assert len(bench.records()) == before + case["again"]
