"""The packages that localhai needs, for a container that runs it with the Python of the images of steps."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = (3, 11)  # of python:3.11-slim
SECONDS = 240


def site_packages(folder: Path) -> Path:
    """A folder to mount: this Python's own packages, or those for the image's Python, put into `folder`."""
    if sys.version_info[:2] == PYTHON:
        return Path(sysconfig.get_paths()["purelib"])
    site = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(site)]
    pip += ["--python-version", "{}.{}".format(*PYTHON), "--only-binary=:all:"]
    subprocess.run([*pip, "--requirement", str(ROOT / "requirements.lock")], check=True, timeout=SECONDS)
    return site
