"""A sweep of 1,000 executions over the fake engine, against one of 100: memory, open files and time for each.

All of localhai works, only containers are none: plans, folders, records, logs and metadata of each are made.
"""

from __future__ import annotations

import json
import sys
from statistics import median

from grid import YAML
from measure import Bench, Project, Row, ratio, run

MANY, FEW, JOBS = 1_000, 100, 4
SCRIPT = """
import json
import os
import sys
from pathlib import Path

import localhai
from localhai.executions.home import Home
from localhai.project.overrides import Overrides
from localhai.tasks.building import Wish, build
from localhai.tasks.running import TaskObserver
from localhai.tasks.task import TaskStart, run_task
from localhai.testing import FakeEngine

folder, count, jobs, answer = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
files = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")


class Counting(TaskObserver):
    most = 0

    def ended(self, child, status, execution):
        self.most = max(self.most, len(os.listdir(files)))


engine, seen = FakeEngine(), Counting()
engine.behave(lambda container: container.out('{"loss": 1}\\n'))
with Home(engine=engine) as home, localhai.open_project(folder, home=home) as project:
    config = project.config()
    wish = Wish("noop", "grid_search", [("number", "linear", {"start": 1, "end": count, "step": 1})])
    plan = build(wish, config.config.steps["noop"], seed=1)
    task = run_task(
        TaskStart(project, plan, config, project.snapshot(), Overrides(), project.options(), jobs=jobs), observer=seen
    )
    assert task.summary()["statuses"] == {"complete": count}, task.summary()
answer.write_text(json.dumps({"files": seen.most}))
"""


def measure(bench: Bench) -> list[Row]:
    script, answer = bench.folder / "one_sweep.py", bench.folder / "answer.json"
    script.write_text(SCRIPT)
    many = max(FEW, round(MANY * bench.scale))
    found: dict[int, list[tuple[float, float, float]]] = {FEW: [], many: []}
    for number in range(bench.rounds_or(3)):
        for count, values in found.items():
            project = Project(bench.folder / f"{count}-{number}", YAML)
            words = [sys.executable, script, project.folder, str(count), str(JOBS), answer]
            ran = run(words, env=project.environment)
            values.append((ran.seconds / count, ran.memory / 1e6, json.loads(answer.read_text())["files"]))
            project.remove()
    seconds, memory, files = (
        tuple(median(one[place] for one in found[count]) for count in (many, FEW)) for place in range(3)
    )
    name = f"sweep of {many:,} executions on the fake engine"
    return [
        ratio(f"{name}, seconds for each", f"of {FEW}", 1.2, (seconds[0], seconds[1])),
        Row(f"{name}, most memory", f"{memory[1]:.0f} MB with {FEW}", memory[0] / memory[1], 1.3),
        Row(f"{name}, open files", f"{files[1]:.0f} with {FEW}", files[0] / files[1], 1.5),
    ]
