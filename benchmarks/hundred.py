"""100 no-op executions through the Python API, one process, two at a time, against `xargs -P2 docker run --rm`."""

from __future__ import annotations

import subprocess
import sys

from measure import IMAGE, Bench, Project, Row, ratio, run, side_by_side
from noop import YAML

COUNT, JOBS = 100, 2
SCRIPT = """
import sys
from concurrent.futures import ThreadPoolExecutor

import localhai

with localhai.open_project(sys.argv[1]) as project, ThreadPoolExecutor(int(sys.argv[3])) as threads:
    executions = list(threads.map(lambda _: project.run("noop"), range(int(sys.argv[2]))))
assert all(execution.complete for execution in executions)
"""


def measure(bench: Bench) -> list[Row]:
    project = Project(bench.folder, YAML)
    project.run("noop")
    count = max(JOBS, round(COUNT * bench.scale))
    script = bench.folder / "hundred.py"
    script.write_text(SCRIPT)

    def ours() -> float:
        words = [sys.executable, script, project.folder, str(count), str(JOBS)]
        return run(words, env=project.environment).seconds

    sides = side_by_side(ours, lambda: xargs(count, JOBS), bench.rounds_or(3), warm=False)
    return [ratio(f"{count} no-op executions, Python API, jobs={JOBS}", f"xargs -P{JOBS} docker run --rm", 1.15, sides)]


def xargs(count: int, jobs: int) -> float:
    """Seconds that as many `docker run` take, so many at a time."""
    with subprocess.Popen(["seq", str(count)], stdout=subprocess.PIPE) as feed:
        words = ["xargs", f"-P{jobs}", "-I{}", "docker", "run", "--rm", IMAGE, "true"]
        return run(words, stdin=feed.stdout).seconds
