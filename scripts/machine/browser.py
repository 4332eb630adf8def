"""A Chromium for the tests of the web page: found, or installed where that may be done without asking."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from machine import system
from machine.say import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
HOW = {
    "macos": "macOS: brew install --cask chromium",
    "debian": "Debian or Ubuntu: sudo apt-get install chromium, or let this script do it: sudo scripts/ensure-chromium",
    "wsl": "inside WSL: sudo apt-get install chromium",
    "fedora": "Fedora or RHEL: sudo dnf install chromium",
    "arch": "Arch: sudo pacman -S chromium",
    "linux": "Install chromium from your distribution",
}


def find(environment: Mapping[str, str]) -> Path | None:
    """The one that the variable CHROMIUM names, else the first of the usual names. Raises Trouble for a wrong one."""
    chosen = environment.get(VARIABLE)
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise Trouble(f"{VARIABLE}={chosen} is no program.", f"unset {VARIABLE} to have one found")
        return Path(found)
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    return next((path for path in APPLICATIONS if path.exists()), None)


def ensure() -> Path:
    """A Chromium, installed from the distribution's package if need be. Raises Trouble."""
    found = find(os.environ)
    if found is None and system.may_install() and system.family() in {"debian", "wsl"}:
        with system.one_at_a_time("browser installation"):
            found = find(os.environ)
            if found is None:
                system.install("chromium")
                found = find(os.environ)
    if found is None:
        raise Trouble("No Chromium is here.", HOW[system.family()], f"or name one: {VARIABLE}=/path/to/it")
    return found
