"""What users have besides localhai: pip, virtual environments, a project of their own."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `served`

STEP_PYTHON = "3.11"  # of python:3.11-slim
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
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


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("environment") / "empty")


@pytest.fixture(scope="session")
def wheels(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """valohai-utils as it is published, and what it needs, for the Python of the steps: containers need no network."""
    folder = tmp_path_factory.mktemp("wheels")
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    options = [word for name in PLATFORMS for word in ("--platform", f"{name}_{machine}")]
    options += ["--python-version", STEP_PYTHON, "--only-binary=:all:", "--quiet", "--dest", str(folder)]
    environment.pip("download", *options, "valohai-utils")
    return folder


@pytest.fixture(scope="session")
def vh_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The platform's command line, in an environment of its own."""
    made = Environment(tmp_path_factory.mktemp("vh") / "environment")
    made.pip("install", "--quiet", "valohai-cli")
    return made.folder / "bin" / "vh"
