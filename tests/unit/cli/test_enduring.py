"""What is said reaches the other side when it is said, whatever the buffers of Python are."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SAYS = """
import os, sys
from localhai.cli.output import endure
endure()
sys.stderr.write("first\\n")
sys.stdout.write("second\\n")
os.write(1, b"third\\n")
os._exit(0)
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_lines_of_stderr_come_at_once(unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    ran = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, env=environment, check=True)
    assert ran.stderr == "first\n"
    assert ran.stdout == ("second\nthird\n" if unbuffered else "third\n")
