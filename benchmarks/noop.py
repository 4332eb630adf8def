"""`localhai run noop`, the whole process, against `docker run --rm IMAGE true`."""

from __future__ import annotations

from measure import IMAGE, Bench, Project, Row, docker, ratio, run, side_by_side

YAML = f"""
- step:
    name: noop
    image: {IMAGE}
    command: "true"
"""


def measure(bench: Bench) -> list[Row]:
    project = Project(bench.folder, YAML)
    project.run("noop")  # the first one makes the records
    sides = side_by_side(lambda: project.run("noop").seconds, lambda: run(docker("true")).seconds, bench.rounds_or(21))
    return [ratio("localhai run noop", "docker run --rm IMAGE true", 2.0, sides)]
