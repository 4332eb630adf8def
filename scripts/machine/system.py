"""The operating system: what it is, what may be installed on it, and how."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from machine.say import Trouble, say

if TYPE_CHECKING:
    from collections.abc import Iterator

OS_RELEASE = Path("/etc/os-release")
LOCK_PATIENCE = 900  # seconds; a stand-in takes half a minute, a slow mirror some more


def family(os_release: str | None = None) -> str:
    """`macos`, `wsl`, `debian`, `fedora`, `arch` or `linux`: how things are installed here."""
    if platform.system() == "Darwin":
        return "macos"
    if os_release is None:
        os_release = OS_RELEASE.read_text(encoding="utf-8") if OS_RELEASE.is_file() else ""
    words = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    kin = shlex.split(words.get("ID", "") + " " + words.get("ID_LIKE", ""))
    kin = [word for entry in kin for word in entry.split()]
    if "microsoft" in platform.release().lower():
        return "wsl"
    if {"debian", "ubuntu"} & set(kin):
        return "debian"
    if {"fedora", "rhel", "centos"} & set(kin):
        return "fedora"
    return "arch" if "arch" in kin else "linux"


def is_root() -> bool:
    return os.geteuid() == 0


def may_install() -> bool:
    """Whether this process may install packages by itself: root, and apt-get."""
    return is_root() and shutil.which("apt-get") is not None


def install(*packages: str) -> None:
    """`apt-get install` without questions. Raises Trouble with apt's last words."""
    say(f"installing {' '.join(packages)} (apt-get)")
    environment = proxied() | {"DEBIAN_FRONTEND": "noninteractive"}
    wait = "-oDPkg::Lock::Timeout=300"  # another apt may be at work, as on a machine that has just started
    update = ["apt-get", "-q", wait, "update"]
    install = ["apt-get", "-q", wait, "install", "-y", "--no-install-recommends", *packages]
    refreshed = _run(update, environment)
    installed = _run(install, environment)  # what apt knows may do, even where one source of many does not answer
    if installed.returncode:
        words = (refreshed.stdout if refreshed.returncode else b"") + installed.stdout
        tail = words.decode(errors="replace").splitlines()[-15:]
        raise Trouble(f"apt-get could not install {' '.join(packages)}; its last words:", *(f"  {x}" for x in tail))


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        check=False,
    )


def proxied() -> dict[str, str]:
    """The environment, with the proxy that apt is told of, since mmdebstrap does not read apt's settings."""
    environment = dict(os.environ)
    if "http_proxy" in environment or shutil.which("apt-config") is None:
        return environment
    asked = subprocess.run(
        ["apt-config", "dump", "--format", "%v", "Acquire::http::Proxy"], capture_output=True, text=True, check=False
    )
    proxy = asked.stdout.strip()
    return environment | {"http_proxy": proxy} if proxy and proxy != "DIRECT" else environment


@contextlib.contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Wait for whoever does the same on this machine, as this user."""
    path = os.path.join(tempfile.gettempdir(), f"localhai-{name}-{os.getuid()}.lock")
    with open(path, "w", encoding="ascii") as lock:
        _acquire(lock.fileno(), name)
        yield


def _acquire(descriptor: int, name: str) -> None:
    give_up = time.monotonic() + LOCK_PATIENCE
    told = False
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if not told:
            say(f"another {name} is at work; waiting for it")
            told = True
        if time.monotonic() > give_up:
            raise Trouble(f"another {name} has been at work for {LOCK_PATIENCE} s; is it stuck?", "see: ps aux")
        time.sleep(0.1)
