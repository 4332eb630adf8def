"""On native Windows one sentence names WSL2: nothing is imported that Windows does not have."""

from __future__ import annotations

import subprocess
import sys

LIKE_WINDOWS = """
import os, sys
os.name = "nt"
sys.modules["fcntl"] = None  # importing it fails
import localhai.__main__
sys.argv = ["localhai", "run", "train"]
localhai.__main__.main()
"""


def test_windows_is_told_of_wsl2_without_a_traceback():
    done = subprocess.run([sys.executable, "-c", LIKE_WINDOWS], capture_output=True, text=True, check=False)

    assert done.returncode == 4
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "inside of WSL2" in done.stderr
