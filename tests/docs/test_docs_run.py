"""Every command of README and docs is run, in order, and writes what the page shows."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import PAGES, ROOT, Command, blocks, commands, first_difference, start

pytestmark = pytest.mark.docker

RUNNABLE = [page for page in PAGES if any(item.language == "console" and not item.not_run for item in blocks(page))]


class Shell:
    """One bash after the other, as if it were one: folder and variables stay."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder = folder
        self._state = state
        self._state.mkdir()
        self._remember = shlex.join(["cd", str(folder)])

    def run(self, command: Command) -> tuple[int, list[str]]:
        where, variables = self._state / "where", self._state / "variables"
        script = "\n".join([
            self._remember,
            f"[ -f {variables} ] && . {variables}",
            command.text,
            f"code=$?; pwd > {where}; export -p > {variables}; exit $code",
        ])  # fmt: skip
        done = subprocess.run(
            ["bash", "-c", script],
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if where.exists():
            self.folder = Path(where.read_text().rstrip("\n"))
            self._remember = shlex.join(["cd", str(self.folder)])
        return done.returncode, done.stdout.decode(errors="replace").splitlines()


def _folder(page: Path, base: Path) -> Path:
    """Where the page's commands begin; never the checkout itself."""
    begin = start(page)
    if begin == "empty":
        folder = base / "my-project"
        folder.mkdir()
        return folder
    clone = base / "clone"
    clone.mkdir()
    shutil.copytree(ROOT / "example_project", clone / "example_project", ignore=shutil.ignore_patterns("__pycache__"))
    return clone if begin == "clone" else clone / "example_project"


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_a_page_does_what_it_shows(page: Path, tmp_path: Path) -> None:
    shell = Shell(_folder(page, tmp_path), tmp_path / "state")
    for block in blocks(page):
        if block.not_run:
            continue
        if block.title:
            file = shell.folder / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            for command in commands(block):
                code, lines = shell.run(command)
                written = "\n".join(lines)
                place = f"{page.name}:{command.line}: {command.text}\n\n{written}\n"
                assert code == command.exit_code, f"{place}\nit ended with {code}, not {command.exit_code}"
                if command.output:
                    difference = first_difference(command.output, lines)
                    assert difference is None, f"{place}\n{difference}"
