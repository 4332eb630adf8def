"""A short run of the soak test; `make soak` is the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker


def test_ten_random_kills_lose_nothing() -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent), "--kills=10"],
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
