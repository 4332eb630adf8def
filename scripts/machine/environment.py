"""The virtual environment of a checkout: localhai itself, editable, and what the lock file names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from machine import system
from machine.say import Trouble, say

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCK = "requirements.lock"
STAMP = "localhai-stamp.json"


@dataclass(frozen=True)
class Environment:
    """A virtual environment in `folder` for the checkout `root`."""

    root: Path
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.folder / STAMP

    def wanted(self) -> dict[str, str]:
        """What the stamp says when nothing is to be done."""
        digest = hashlib.sha256()
        for name in ("pyproject.toml", LOCK):
            digest.update((self.root / name).read_bytes())
        return {"root": str(self.root), "folder": str(self.folder), "digest": digest.hexdigest()}

    def stamped(self) -> dict[str, str]:
        """What the stamp says, or nothing."""
        try:
            said: dict[str, str] = json.loads(self.stamp.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return said

    def is_ready(self) -> bool:
        return self.python.exists() and self.stamped() == self.wanted()


def ensure(environment: Environment) -> None:
    """Bring the environment up to its lock file. Raises Trouble."""
    if environment.is_ready():
        return
    with system.one_at_a_time("environment set-up"):
        if environment.is_ready():  # whoever was before us may have done it
            return
        uv = shutil.which("uv")
        if not _is_usable(environment, uv):
            if uv and environment.folder in Path(uv).absolute().parents:
                uv = None  # an activated environment's own, which goes with it
            _create(environment, uv)
        _fill(environment, uv)
        environment.stamp.write_text(json.dumps(environment.wanted()), encoding="utf-8")


def _is_usable(environment: Environment, uv: str | None) -> bool:
    """Whether an environment is there to go on with: not moved, its Python runs, and pip is in it unless uv serves."""
    moved = environment.stamped().get("folder", str(environment.folder)) != str(environment.folder)
    if moved or not environment.python.exists():
        return False
    probe = "import sys; assert sys.version_info >= (3, 10)" + ("" if uv else "; import pip")
    return subprocess.run([environment.python, "-c", probe], capture_output=True, check=False).returncode == 0


def _create(environment: Environment, uv: str | None) -> None:
    folder = environment.folder
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise Trouble(
            f"{folder} is there and is no virtual environment.", "Move it away, or set VENV to another folder"
        )
    say(f"making a virtual environment in {folder} with Python {sys.version.split()[0]}")
    if uv:
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], "uv venv")
        return
    _ensure_ensurepip()
    _run([sys.executable, "-m", "venv", "--clear", str(folder)], "python -m venv")


def _ensure_ensurepip() -> None:
    """Debian ships Python without the wheels that `venv` puts pip in from."""
    if _has_ensurepip():
        return
    version = sysconfig.get_python_version()
    if not system.may_install():
        raise Trouble(
            f"{sys.executable} cannot make virtual environments: its ensurepip is missing.",
            f"Debian or Ubuntu: sudo apt-get install python{version}-venv",
            "anywhere: install uv, which needs neither pip nor venv",
        )
    system.install(f"python{version}-venv")
    if not _has_ensurepip():
        raise Trouble(f"python{version}-venv is installed and {sys.executable} still has no ensurepip.", "Install uv")


def _has_ensurepip() -> bool:
    return subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def _fill(environment: Environment, uv: str | None) -> None:
    say(f"installing localhai and what {LOCK} names ({'uv' if uv else 'pip: a minute or two'})")
    python = str(environment.python)
    if uv:
        install = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    _run([*install, "--require-hashes", "-r", str(environment.root / LOCK)], "installing the packages")
    _run([*install, "--no-deps", "--editable", str(environment.root)], "installing localhai")


def _run(command: Sequence[str], what: str) -> None:
    """Run quietly; on failure raise Trouble with the last words."""
    bare = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=bare, check=False
    )
    if done.returncode:
        tail = done.stdout.decode(errors="replace").splitlines()[-15:]
        raise Trouble(
            f"{what} failed; its last words:", *(f"  {line}" for line in tail), "The command: " + " ".join(command)
        )
