"""Which Python runs this. The file itself is understood by any Python since 3.7, so that it can say so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

OLDEST = (3, 10)
NAMES = ("python3.13", "python3.12", "python3.11", "python3.10")


PROBE = "import sys; sys.exit(sys.version_info < (3, 10))"


def new_enough_or_other() -> None:
    """Go on with a Python that is new enough: this one, else one on PATH in its place. Exits 4 when there is none."""
    if sys.version_info >= OLDEST:
        return
    for name in NAMES:
        other = shutil.which(name)
        if other and _runs(other):
            os.execv(other, [other, *sys.argv])  # noqa: S606 - this very script, by another interpreter
    sys.stderr.write(
        f"Error: Python 3.10 or newer is needed; {sys.executable} is {sys.version.split()[0]} and PATH has none of "
        f"{', '.join(NAMES)}.\n  Install one (Debian or Ubuntu: apt-get install python3.11; macOS: brew install "
        "python@3.12; anywhere: uv python install 3.12) and try again\n"
    )
    sys.exit(4)


def _runs(python: str) -> bool:
    """A name on PATH may be a version manager's shim with nothing behind it."""
    return subprocess.run([python, "-c", PROBE], capture_output=True, check=False).returncode == 0
