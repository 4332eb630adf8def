"""Mutants of the rule books: what is changed in them by one operator, number or word, and whether a fast test notices.

    make mutants                                all of RULE_BOOKS against tests/unit
    make mutants FILES="localhai/data/uri.py"   some: paths or patterns of this repository
    make mutants TESTS=tests/unit/data          other tests
    make mutants FAKE=1                         what survives meets the tests of its room in tests/fake: seconds each
    make mutants FAKE="tests/fake/server"       or these tests
    make mutants JOBS=1                         one mutant at a time; one for each core by default
    make mutants SHOW="*.uri.x_parse__*"        what survivors change

mutmut works on a copy, in mutants/, and writes to the log of each pass there.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "mutants"
SURVIVORS = WORK / "survivors.txt"
MEMORY = Path("/dev/shm")  # noqa: S108  # where Linux keeps files in memory; the tests make many
RULE_BOOKS = (
    "localhai/pipelines/*.py",
    "localhai/tasks/*.py",
    "localhai/project/parameters.py",
    "localhai/project/command.py",
    "localhai/records/transitions.py",
    "localhai/records/references.py",
    "localhai/records/pipelines.py",
    "localhai/records/tasks.py",
    "localhai/records/versions.py",
    "localhai/records/version_making.py",
    "localhai/data/access.py",
    "localhai/data/cache.py",
    "localhai/data/sidecars.py",
    "localhai/data/uri.py",
    "localhai/server/safety.py",
    "localhai/vocabulary.py",
)
FAKE = {"project": "tests/fake/test_cases.py"}  # of a room, where it is not the folder of its name
UNREACHED = "could not find any test case for any mutant"  # all of them survive
NOTICED = {"killed", "timeout"}
CONFIGURATION = """
[tool.mutmut]
source_paths = ["localhai"]
only_mutate = {files}
also_copy = {copied}
pytest_add_cli_args = ["-n=0", "-q", "-p", "no:cacheprovider", "-m", "not sources"]
pytest_add_cli_args_test_selection = {tests}
on_dependency_change = "ignore"
"""


class Pass(NamedTuple):
    """One run of mutmut: some files against some tests, in a folder of its own."""

    name: str
    files: list[str]
    tests: str
    jobs: int | None

    @property
    def folder(self) -> Path:
        return WORK / self.name


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=RULE_BOOKS, help="paths or patterns; all rule books by default")
    parser.add_argument("--tests", default="tests/unit", help="paths, in one word")
    parser.add_argument("--fake", metavar="PATHS", help="tests/fake against what survived tests/unit; 1 for the room's")
    parser.add_argument("--jobs", type=int, help="how many mutants at a time; one for each core by default")
    parser.add_argument("--show", metavar="PATTERN", help="what survivors of the last run change")
    arguments = parser.parse_args()
    if arguments.show:
        return _show(arguments.show)
    found = {pattern: [str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)] for pattern in arguments.files}
    if gone := [pattern for pattern, files in found.items() if not files]:
        parser.error(f"no file is called {' '.join(gone)}")
    files = sorted({path for paths in found.values() for path in paths})
    shutil.rmtree(WORK, ignore_errors=True)
    verdicts = _run(Pass("unit", files, arguments.tests, arguments.jobs))
    for room in sorted({Path(file).parts[1] for file in files}) if arguments.fake else ():
        tests = _fake_tests(room) if arguments.fake == "1" else arguments.fake
        survivors = [name for name, verdict in verdicts.items() if verdict not in NOTICED and _room(name) == room]
        if survivors and tests:
            again = _run(Pass(f"fake-{room}", _of_room(files, room), tests, arguments.jobs), survivors)
            verdicts.update((name, again[name]) for name in survivors if again[name] in NOTICED)
    _report(verdicts)
    return 0


def _fake_tests(room: str) -> str | None:
    tests = FAKE.get(room, f"tests/fake/{room}")
    return tests if (ROOT / tests).exists() else None


def _room(mutant: str) -> str:
    return mutant.split(".")[1]


def _of_room(files: list[str], room: str) -> list[str]:
    return [file for file in files if Path(file).parts[1] == room]


def _run(turn: Pass, mutants: list[str] | None = None) -> dict[str, str]:
    """mutmut over a folder of links to this checkout: its settings differ from pass to pass. Verdicts by mutant."""
    turn.folder.mkdir(parents=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    copied = sorted({name.split("/")[0] for name in listed.split("\0") if name} - {"pyproject.toml", "localhai"})
    for name in (*copied, "localhai"):
        (turn.folder / name).symlink_to(ROOT / name)
    settings = CONFIGURATION.format(files=turn.files, copied=copied, tests=turn.tests.split())
    (turn.folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + settings)
    log = WORK / f"{turn.name}.log"
    count = len(mutants) if mutants else "all"
    print(f"{count} mutants of {len(turn.files)} files against {turn.tests}: {log}", flush=True)
    with tempfile.TemporaryDirectory(prefix="localhai-mutants-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        Path(folder).chmod(0o755)  # some tests become another user
        environment = {"TMPDIR": folder, **os.environ}
        limit = [] if turn.jobs is None else [f"--max-children={turn.jobs}"]
        command = ["mutmut", "run", *limit, *(mutants or [])]
        with log.open("w") as output:
            done = subprocess.run(command, cwd=turn.folder, env=environment, stdout=output, stderr=output, check=False)
    if done.returncode and UNREACHED not in log.read_text():
        sys.exit(f"mutmut failed; see {log}")
    command = ["mutmut", "results", "--all", "true"]
    results = subprocess.run(command, cwd=turn.folder, check=True, capture_output=True, text=True).stdout
    return dict(line.strip().split(": ", 1) for line in results.splitlines() if ": " in line)


def _show(pattern: str) -> int:
    names = [line.split(": ")[0] for line in SURVIVORS.read_text().splitlines()]
    for name in fnmatch.filter(names, pattern):
        subprocess.run(["mutmut", "show", name], cwd=WORK / "unit", check=True)
    return 0


def _report(verdicts: dict[str, str]) -> None:
    survivors = [name for name, verdict in verdicts.items() if verdict not in NOTICED]
    SURVIVORS.write_text("".join(f"{name}: {verdicts[name]}\n" for name in survivors))
    counts: dict[str, Counter[bool]] = defaultdict(Counter)
    for name, verdict in verdicts.items():
        for row in (name.rpartition(".")[0], f"{_room(name)}/", "all"):
            counts[row][verdict in NOTICED] += 1
    width = max(map(len, counts))
    print(f"{'file':{width}}  mutants   killed  survived  share")
    for row in sorted(counts, key=lambda row: (row == "all", "/" in row, row)):
        killed, survived = counts[row][True], counts[row][False]
        share = killed / (killed + survived)
        print(f"{row:{width}}  {killed + survived:7}  {killed:7}  {survived:8}  {share:5.0%}")
    print(f"\nSurvivors: {SURVIVORS}. What they change: make mutants SHOW='{next(iter(survivors), '*')}'")


if __name__ == "__main__":
    sys.exit(main())
