"""4 GiB of outputs with all three checksums against one `md5sum` pass over them.

    python benchmarks/outputs.py [--size GIB] [--folder FOLDER] [--json]

Prints both times and their ratio (at most 1.3), the best of three each, turn by turn. The files are one of half the
size, several middling ones and some small ones, read once beforehand so that both sides find them in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.data import checksums

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 1.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=float, default=4.0, help="GiB in all")
    parser.add_argument("--folder", type=Path, help="where the files are made; default the temporary folder")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        figures = measure(Path(folder), int(arguments.size * (1 << 30)))
    if arguments.json:
        print(json.dumps(figures))
    else:
        print(
            "all three checksums {ours:.2f} s, md5sum {md5sum:.2f} s, ratio {ratio:.2f} (at most {limit})".format(
                **figures
            )
        )


def measure(folder: Path, size: int) -> dict[str, float]:
    paths = make_files(folder, size)
    ours, theirs = [], []
    for _ in range(3):
        theirs.append(
            timed(lambda: subprocess.run(["md5sum", *map(str, paths)], check=True, stdout=subprocess.DEVNULL))
        )
        ours.append(timed(lambda: checksums.of_files(paths)))
    return {"ours": min(ours), "md5sum": min(theirs), "ratio": min(ours) / min(theirs), "limit": LIMIT}


def make_files(folder: Path, size: int) -> list[Path]:
    block = os.urandom(1 << 20)
    sizes = [size // 2] + [size // 16] * 7 + [size // 1024] * 64
    paths = []
    for number, length in enumerate(sizes):
        path = folder / f"output-{number}.bin"
        with path.open("wb") as file:
            for _ in range(length >> 20):
                file.write(block)
            file.write(block[: length & ((1 << 20) - 1)])
        paths.append(path)
    return paths


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
