"""A pipeline of 20 no-op nodes in a chain, the whole process, against the bare life of as many containers.

Bare is what the engine itself takes, asked through its API in one process that stays: create, start, wait, remove.
"""

from __future__ import annotations

import uuid
from typing import Any

from measure import IMAGE, Bench, Project, Row, localhai, ratio, run, side_by_side, timed
from noop import YAML

NODES = 20


def measure(bench: Bench) -> list[Row]:
    import docker

    count = max(2, round(NODES * bench.scale))
    project = Project(bench.folder, YAML + pipeline(count))
    project.run("noop")
    client = docker.from_env()

    def ours() -> float:
        words = localhai("pipeline", "run", "chain", "--jobs", "1")
        return run(words, cwd=project.folder, env=project.environment).seconds

    def theirs() -> float:
        return timed(lambda: [bare(client.api) for _ in range(count)])

    try:
        sides = side_by_side(ours, theirs, bench.rounds_or(5))
    finally:
        client.close()
    what = f"pipeline of {count} no-op nodes in a chain, --jobs 1"
    return [ratio(what, f"{count} x bare create/start/wait/remove", 1.15, sides)]


def pipeline(count: int) -> str:
    """The pipeline `chain` over the step `noop`: each node waits for the one before it."""
    nodes = "".join(f"      - {{name: n{number}, type: execution, step: noop}}\n" for number in range(count))
    edges = "".join(f"      - [n{number - 1}.dependency.x, n{number}.dependency.x]\n" for number in range(1, count))
    return f"- pipeline:\n    name: chain\n    nodes:\n{nodes}    edges:\n{edges}"


def bare(api: Any) -> None:
    """One container of the engine, as short as it can live."""
    made = api.create_container(IMAGE, ["true"], name=f"localhai-bench-{uuid.uuid4().hex}")
    try:
        api.start(made["Id"])
        api.wait(made["Id"])
    finally:
        api.remove_container(made["Id"], force=True)
