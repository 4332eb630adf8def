"""What users have besides localhai: wheels, `vh`, a project of their own."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside the tests

from environments import Environment

STEP_PYTHON = "3.11"  # of python:3.11-slim
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")


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
