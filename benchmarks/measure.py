"""What the rows share: two sides measured turn by turn, a scratch folder, processes with their time and memory."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

IMAGE = "python:3.11-slim"
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Row:
    """One line of the table. `value` is in the unit of `limit`: a ratio (`x`), seconds (`s`), MB or bytes."""

    what: str
    against: str
    value: float
    limit: float
    unit: str = "x"
    ours: float | None = None
    theirs: float | None = None

    @property
    def ok(self) -> bool:
        return self.value <= self.limit

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}


@dataclass(frozen=True)
class Bench:
    """Where a row measures: an empty folder of its own, and how much of the full size it takes (1.0 is the table's)."""

    folder: Path
    rounds: int | None = None
    scale: float = 1.0

    def rounds_or(self, usual: int) -> int:
        return self.rounds or usual


@dataclass(frozen=True)
class Ran:
    """A process that ended: wall-clock and processor seconds, and its largest resident memory in bytes."""

    seconds: float
    processor: float
    memory: int


def side_by_side(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int, *, warm: bool = True
) -> tuple[float, float]:
    """Medians of both sides, measured turn by turn, so that a noisy moment hits both."""
    if warm:
        ours(), theirs()
    pairs = []
    for number in range(rounds):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        pair = (first(), second())
        pairs.append(pair if number % 2 else pair[::-1])
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def ratio(what: str, against: str, limit: float, sides: tuple[float, float]) -> Row:
    ours, theirs = sides
    return Row(what, against, ours / theirs, limit, "x", ours, theirs)


def difference(what: str, against: str, limit: float, sides: tuple[float, float]) -> Row:
    ours, theirs = sides
    return Row(what, against, ours - theirs, limit, "s", ours, theirs)


def timed(action: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def run(command: Sequence[str | Path], *, stdout: int | Path = subprocess.DEVNULL, **options: Any) -> Ran:
    """Run a process to its end, which must be a good one. `options` are those of Popen."""
    if isinstance(stdout, Path):
        with stdout.open("wb") as file:
            return run(command, stdout=file.fileno(), **options)
    start = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=stdout, stderr=subprocess.PIPE, **options)
    said = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stderr:
        process.stderr.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{said.decode()[-2000:]}")
    in_bytes = 1 if sys.platform == "darwin" else 1024
    return Ran(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * in_bytes)


def docker(*words: str) -> list[str]:
    """`docker run --rm IMAGE WORDS`."""
    return ["docker", "run", "--rm", IMAGE, *words]


class Project:
    """A project and a LOCALHAI_HOME, made for one row and removed with its folder."""

    def __init__(self, folder: Path, yaml: str, *, toml: str = "") -> None:
        self.folder = folder / "project"
        self.home = folder / "home"
        self.folder.mkdir(parents=True)
        (self.folder / "valohai.yaml").write_text(yaml)
        (self.folder / "localhai.toml").write_text(toml)

    @property
    def environment(self) -> Mapping[str, str]:
        return environment(LOCALHAI_HOME=str(self.home))

    def run(self, step: str, *words: str) -> Ran:
        """`localhai run STEP`, the whole process."""
        return run(localhai("run", step, *words), cwd=self.folder, env=self.environment)

    def forget(self) -> None:
        """A fresh home."""
        shutil.rmtree(self.home)

    def remove(self) -> None:
        """All of it."""
        shutil.rmtree(self.folder)
        shutil.rmtree(self.home)


def localhai(*words: str) -> list[str]:
    """The console script that belongs to this Python."""
    return [str(Path(sys.executable).with_name("localhai")), *words]


def environment(**more: str) -> dict[str, str]:
    """Ours, without what would make Python slower than it is for people: no bytecode, tracing, coverage."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONDEVMODE", "PYTHONTRACEMALLOC", "PYTHONPROFILEIMPORTTIME")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, **more}


def disk_usage(*folders: Path) -> int:
    """Bytes on disk under folders; what has several names counts once."""
    seen = {}
    for folder in folders:
        for here, _, names in os.walk(folder):
            for name in names:
                found = os.lstat(os.path.join(here, name))
                seen[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(seen.values())
