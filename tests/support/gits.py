"""git as tests use it: with nothing of this machine's configuration."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SETTINGS = ("user.name=a", "user.email=a@b", "commit.gpgsign=false", "protocol.file.allow=always")
GIT = ["git", *(word for setting in _SETTINGS for word in ("-c", setting))]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run([*GIT, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()
