"""What `scripts/ensure-docker` promises of the machine, on the real engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "python:3.11-slim"


def test_a_machine_that_is_set_up_is_left_as_it_is() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "ensure-docker"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_image_answers_as_python_slim_does() -> None:
    script = "python --version && python3 --version && pip --version && bash --version && echo $LANG && which python"
    done = subprocess.run(
        ["docker", "run", "--rm", "--label=localhai.test=stand-in", IMAGE, "bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == lines[1]
    assert lines[0].startswith("Python 3.11.")
    assert "(python 3.11)" in lines[2]
    assert lines[-2:] == ["C.UTF-8", "/usr/local/bin/python"]
