"""The second run of a step that pip-installs three packages, against its first one: the package cache's worth.

The packages come from an index of this machine at the speed of a usual line (package_index.py). Each round begins with
a fresh home, so with an empty cache.
"""

from __future__ import annotations

import statistics

from measure import IMAGE, MEBIBYTE, Bench, Project, Row, ratio
from package_index import SPEED, PackageIndex

PACKAGES = "numpy pyarrow opencv-python-headless"
YAML = """
- step:
    name: install
    image: {image}
    command: pip install {options} {packages}
- step:
    name: noop
    image: {image}
    command: "true"
"""


def measure(bench: Bench) -> list[Row]:
    first, second, fetched = [], [], []
    with PackageIndex(bench.folder / "index", PACKAGES) as index:
        project = Project(bench.folder, YAML.format(image=IMAGE, options=index.options, packages=PACKAGES))
        for _ in range(bench.rounds_or(3)):
            project.run("noop")  # the records are there, the packages are not
            first.append(project.run("install").seconds)
            before = index.sent
            second.append(project.run("install").seconds)
            fetched.append(index.sent - before)
            project.forget()
    sides = statistics.median(second), statistics.median(first)
    return [
        ratio(f"pip install {PACKAGES} at {SPEED // MEBIBYTE} MB/s, second run", "its first run", 0.5, sides),
        Row("... that the second run fetches", "", max(fetched) / MEBIBYTE, 1, "MB"),
    ]
