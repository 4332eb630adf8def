"""Virtual environments outside the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SECONDS = 240


class Environment:
    """A virtual environment outside the checkout, with nothing but pip in it at first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        uv = shutil.which("uv")  # as scripts/ensure-env: where uv is, venv may lack what it needs
        make = [uv, "venv", "--quiet", "--seed", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
        done(make, str(folder))

    def pip(self, *arguments: str) -> str:
        return done([str(self.python), "-m", "pip", "--disable-pip-version-check"], *arguments)

    def call(self, program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment."""
        words = [str(self.folder / "bin" / program), *arguments]
        return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, timeout=SECONDS)


def done(words: Sequence[str], *arguments: str) -> str:
    """stdout of a command that must succeed."""
    result = subprocess.run([*words, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS)
    assert result.returncode == 0, f"{words} {arguments}:\n{result.stdout}{result.stderr}"
    return result.stdout
