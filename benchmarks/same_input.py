"""An input of 500 MB that is in the cache, against the same step without input; and that no byte of it is copied."""

from __future__ import annotations

import threading

from measure import IMAGE, MEBIBYTE, Bench, Project, Row, difference, disk_usage, side_by_side
from s3_input import BUCKET, KEY, make_object

MEGABYTES = 500
YAML = f"""
- step:
    name: without
    image: {IMAGE}
    command: "true"
- step:
    name: with-input
    image: {IMAGE}
    command: "true"
    inputs:
      - name: data
        default: s3://{BUCKET}/{KEY}
- step:
    name: look
    image: {IMAGE}
    command: head -c 100 /valohai/inputs/data/{KEY} >/dev/null; sleep 2
    inputs:
      - name: data
        default: s3://{BUCKET}/{KEY}
"""


def measure(bench: Bench) -> list[Row]:
    size = round(MEGABYTES * bench.scale) * MEBIBYTE
    make_object(bench.folder / "seed", size)
    project = Project(bench.folder, YAML, toml=f'[s3]\nfolder = "{bench.folder / "seed"}"\n')
    for step in ("without", "with-input"):  # the second one downloads
        project.run(step)
    sides = side_by_side(
        lambda: project.run("with-input").seconds, lambda: project.run("without").seconds, bench.rounds_or(15)
    )
    return [
        difference(f"the same input again, {size // MEBIBYTE} MB", "a run without input", 0.1, sides),
        Row("... bytes of it that a run copies", "", _copied(project) / MEBIBYTE, 5, "MB"),
    ]


def _copied(project: Project) -> int:
    """How much more is on the disk while a step runs than before."""
    before = most = disk_usage(project.home)
    runs = threading.Thread(target=lambda: project.run("look"))
    runs.start()
    while runs.is_alive():
        most = max(most, disk_usage(project.home))
        runs.join(0.1)
    return most - before
