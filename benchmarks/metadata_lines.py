"""A million lines of JSON metadata (49 MB), captured, parsed, summarised and stored, against `docker run`.

Twice: flushed at each line, as Python in a step is (PYTHONUNBUFFERED), where most of the time is Docker's; and
in large pieces, where localhai has to keep up with what a pipe carries. The same command on both sides.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from measure import IMAGE, MEBIBYTE, Bench, Project, Row, docker, ratio, run, side_by_side

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 1_000_000
LINE = "{'step':1000000+i,'loss':1/(i+2),'f1':0.9}"
CODE = "import json;f=open(1,'w',{buffering});[print(json.dumps({line}),file=f) for i in range({count})]"
YAML = """
- step:
    name: million
    image: {image}
    command: {command}
"""
WAYS = {"line by line": "1", "in large pieces": "-1"}


def measure(bench: Bench) -> list[Row]:
    rows = []
    memory = 0
    for way, buffering in WAYS.items():
        count = round(COUNT * bench.scale)
        code = CODE.format(buffering=buffering, line=LINE, count=count)
        sides, peak = _compare(bench, bench.folder / buffering, code, count)
        rows.append(ratio(f"{count:,} JSON metadata lines, {way}", "docker run ... > file", 1.4, sides))
        memory = max(memory, peak)
    return [*rows, Row("... peak memory of localhai", "", memory / MEBIBYTE, 150, "MB")]


def _compare(bench: Bench, folder: Path, code: str, count: int) -> tuple[tuple[float, float], int]:
    project = Project(folder, YAML.format(image=IMAGE, command=json.dumps(f'python -c "{code}"')))
    memory = 0

    def ours() -> float:
        nonlocal memory
        ran = project.run("million")
        memory = max(memory, ran.memory)
        _require_all(project, count)
        return ran.seconds

    def theirs() -> float:
        return run(docker("python", "-c", code), stdout=folder / "lines").seconds

    return side_by_side(ours, theirs, bench.rounds_or(3)), memory


def _require_all(project: Project, count: int) -> None:
    folder = next(path for path in project.home.glob("executions/*/latest") if path.exists())
    events = json.loads((folder / "metadata.summary.json").read_text())["events"]
    if events != count or _lines(folder / "metadata.jsonl") != count:
        raise SystemExit(f"{events} of {count} metadata events were kept")


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(MEBIBYTE), b""))
