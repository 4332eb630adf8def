"""`localhai run --reuse` of an execution with 1 GiB of input and of output that ran before, against `docker run`.

A hit moves no bytes and starts no container, so the whole process has to be quicker than a container that does nothing.
"""

from __future__ import annotations

from measure import IMAGE, MEBIBYTE, Bench, Project, Row, docker, ratio, run, side_by_side
from s3_input import BUCKET, KEY, make_object

MEBIBYTES = 1024
YAML = f"""
- step:
    name: copy
    image: {IMAGE}
    command: cp /valohai/inputs/data/{KEY} /valohai/outputs/
    inputs:
      - name: data
        default: s3://{BUCKET}/{KEY}
"""


def measure(bench: Bench) -> list[Row]:
    size = round(MEBIBYTES * bench.scale)
    make_object(bench.folder / "seed", size * MEBIBYTE)
    project = Project(bench.folder, YAML, toml=f'[s3]\nfolder = "{bench.folder / "seed"}"\n')
    project.run("copy")
    sides = side_by_side(
        lambda: project.run("copy", "--reuse", "--fail-on-cache-miss").seconds,
        lambda: run(docker("true")).seconds,
        bench.rounds_or(15),
    )
    return [ratio(f"reuse of an execution with {size} MiB of input and of output", "docker run IMAGE true", 1.0, sides)]
