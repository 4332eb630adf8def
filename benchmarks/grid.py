"""A grid of 200 no-op children, two at a time, the whole process, against `xargs -P2 docker run --rm`."""

from __future__ import annotations

from hundred import xargs
from measure import IMAGE, Bench, Project, Row, localhai, ratio, run, side_by_side

CHILDREN, JOBS = 200, 2
YAML = f"""
- step:
    name: noop
    image: {IMAGE}
    command: "true"
    parameters:
      - name: number
        type: integer
        default: 0
"""


def measure(bench: Bench) -> list[Row]:
    project = Project(bench.folder, YAML)
    project.run("noop")
    count = max(JOBS, round(CHILDREN * bench.scale))

    def ours() -> float:
        grid = f"number={','.join(map(str, range(count)))}"
        words = localhai("task", "run", "noop", "--grid", grid, "--jobs", str(JOBS))
        return run(words, cwd=project.folder, env=project.environment).seconds

    sides = side_by_side(ours, lambda: xargs(count, JOBS), bench.rounds_or(3), warm=False)
    return [ratio(f"grid of {count} no-op children, --jobs {JOBS}", f"xargs -P{JOBS} docker run --rm", 1.15, sides)]
