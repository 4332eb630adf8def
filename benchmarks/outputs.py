"""4 GiB of outputs collected into the local store with all three checksums, against one `md5sum` pass over them.

The files are one of half the size, several middling ones and some small ones, and both sides find them in memory.
"""

from __future__ import annotations

import os
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from measure import MEBIBYTE, Bench, Row, disk_usage, ratio, run, side_by_side, timed

from localhai.data.store import open_store
from localhai.executions.run.outputs import collect

if TYPE_CHECKING:
    from pathlib import Path

GIB = 4


def measure(bench: Bench) -> list[Row]:
    size = round(GIB * 1024 * bench.scale) * MEBIBYTE
    outputs = bench.folder / "outputs"
    paths = make_files(outputs, size)
    before = disk_usage(bench.folder)
    most = before

    def ours() -> float:
        nonlocal most
        life = _life(bench.folder)
        seconds = timed(lambda: collect(life))
        most = max(most, disk_usage(bench.folder))
        shutil.rmtree(bench.folder / "store")
        for path in paths:
            path.chmod(0o644)
        return seconds

    sides = side_by_side(ours, lambda: run(["md5sum", *paths]).seconds, bench.rounds_or(3))
    return [
        ratio(f"{size >> 30} GiB of outputs collected, three checksums", "one md5sum pass", 1.3, sides),
        Row("... bytes of a second copy on the disk", "", (most - before) / MEBIBYTE, 1, "MB"),
    ]


def make_files(folder: Path, size: int) -> list[Path]:
    folder.mkdir()
    block = os.urandom(MEBIBYTE)
    paths = []
    for number, length in enumerate([size // 2] + [size // 16] * 7 + [size // 1024] * 64):
        path = folder / f"output-{number}.bin"
        with path.open("wb") as file:
            for _ in range(length // MEBIBYTE):
                file.write(block)
            file.write(block[: length % MEBIBYTE])
        paths.append(path)
    return paths


def _life(folder: Path) -> Any:
    """As much of an execution as collecting needs."""
    return cast(
        "Any",
        SimpleNamespace(
            folder=folder,
            scratch=folder / "scratch",
            live_outputs=[],
            project=SimpleNamespace(id="project"),
            record=SimpleNamespace(id="execution"),
            home=SimpleNamespace(store=open_store(folder / "store")),
            capture=SimpleNamespace(status=print),
        ),
    )
