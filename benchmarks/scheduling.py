"""A pipeline of 10,000 nodes and 50,000 edges, from its text to its end, against one of half the size.

The whole process: valohai.yaml is read and linted, the pipeline planned, every node checked, scheduled, filled by its
edges and planned as an execution, every change of its status recorded, over a home with the fake engine. Nodes end as
soon as they start: making the files and records of 10,000 executions, 20 ms each, is left out.
"""

from __future__ import annotations

import sys

from measure import Bench, Project, Row, ratio, run, side_by_side

NODES, FAN = 10_000, 5
STEP = """
- step:
    name: noop
    image: nothing
    command: "true"
    inputs:
      - name: file
        optional: true
"""
SCRIPT = """
import sys

import localhai
from localhai.executions.home import Home
from localhai.pipelines.node_execution import ExecutionRunner
from localhai.pipelines.planning import plan
from localhai.pipelines.results import NodeResult
from localhai.pipelines.running import PipelineStart, run_pipeline
from localhai.pipelines.sources import Sources
from localhai.testing import FakeEngine


class AtOnce(ExecutionRunner):
    def run(self, work):
        work.sources.execution_plan(work.node, work.start)
        return NodeResult("complete", outputs=(("model.pkl", "datum://x"),)), None


with Home(engine=FakeEngine()) as home, localhai.open_project(sys.argv[1], home=home) as project:
    found = plan(project.config().config, "large")
    ran = run_pipeline(
        PipelineStart(Sources(project), found, project.options(), jobs=1, runners={"execution": AtOnce()})
    )
assert ran.status == "complete", ran
"""


def measure(bench: Bench) -> list[Row]:
    script = bench.folder / "scheduling.py"
    script.write_text(SCRIPT)
    large = max(20, round(NODES * bench.scale))

    def seconds(count: int) -> float:
        project = Project(bench.folder / str(count), STEP + pipeline(count))
        try:
            return run([sys.executable, script, project.folder], env=project.environment).seconds
        finally:
            project.remove()

    sides = side_by_side(lambda: seconds(large), lambda: seconds(large // 2), bench.rounds_or(3), warm=False)
    what = f"pipeline of {large:,} nodes and {FAN * large:,} edges planned and scheduled"
    return [
        ratio(what, f"{large // 2:,} nodes and {FAN * large // 2:,} edges", 2.2, sides),
        Row("... in seconds", "", sides[0], 20, "s"),
    ]


def pipeline(count: int) -> str:
    """Every node takes outputs of the five before it."""
    nodes = "".join(f"      - {{name: n{number}, type: execution, step: noop}}\n" for number in range(count))
    ends = ((number - back, number) for back in range(1, FAN + 1) for number in range(back, count))
    edges = "".join(f'      - ["n{source}.output.*.pkl", n{target}.input.file]\n' for source, target in ends)
    return f"- pipeline:\n    name: large\n    nodes:\n{nodes}    edges:\n{edges}"
