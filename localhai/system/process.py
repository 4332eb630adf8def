"""The machine and its processes: what tells one that runs from a later one of the same number.

Linux tells it in /proc. macOS has no such folder: `sysctl` and `ps` are asked.
"""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable
from contextlib import suppress

PROC = "/proc"
PATIENCE = 5.0  # seconds for an answer
MANY_FILES = 8192  # within what every macOS grants (OPEN_MAX is 10240)
_ANYBODY = "192.0.2.1"  # a documentation address (RFC 5737): nothing is sent to it
_ITSELF = "127.0.0.1"
_ENDED = ("Z", "X")  # a zombie looks after nothing

Ask = Callable[..., str]


@functools.cache
def host_name() -> str:
    """The name of this machine as it was when it was first asked for: a Mac changes it with its network."""
    return socket.gethostname()


def own_address() -> str:
    """The address from which this machine reaches others; its loopback address where it is in no network."""
    found = own_address_towards(_ANYBODY)
    return _ITSELF if found in {None, "0.0.0.0"} else str(found)  # noqa: S104  # said where there is no route


def own_address_towards(address: str) -> str | None:
    """By which address this machine would speak to another one; None where there is no way. Nothing is sent."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))  # a datagram socket only looks up the route
        return str(probe.getsockname()[0])
    return None


def is_this_machine(host: str, boot: str) -> bool:
    """Whether a process of that host, in that start of its machine, is or was one of ours.

    macOS gives each start an id of its own, whatever the machine is called by then. On Linux containers share the id
    of the machine, and have names and processes of their own.
    """
    return host == host_name() or (not shares_boots() and boot != "" and boot == boot_id())


def has_own_containers() -> bool:
    """Whether containers run on this machine's own kernel, Linux, and not in a virtual machine beside it."""
    return os.uname().sysname == "Linux"


def shares_boots() -> bool:
    """Whether several hosts may have one `boot_id`: containers on Linux."""
    return os.path.exists(PROC + "/self/stat")


@functools.cache
def boot_id() -> str:
    """Names the start of this machine; empty where the system does not tell."""
    return read_boot_id()


def process_start(pid: int) -> str | None:
    """When a process started, in whatever the system counts in; None when there is no such process."""
    return read_process_start(pid)


def is_running(pid: int, started: str, boot: str) -> bool:
    """Whether the process that started then, in that start of the machine, still runs. An empty `started` fits any."""
    if boot != boot_id():
        return False
    found = process_start(pid)
    return found is not None and (not started or found == started)


def ask(*command: str) -> str:
    """What a program of the system prints, in the language and the time zone that never change; empty if it fails."""
    import subprocess

    plain = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(  # noqa: S603  # our words
            command, capture_output=True, text=True, errors="replace", check=False, timeout=PATIENCE, env=plain
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def read_boot_id(proc: str = PROC, ask: Ask = ask) -> str:
    """`boot_id` by what lies in `proc`, else by what macOS answers."""
    try:
        with open(f"{proc}/sys/kernel/random/boot_id", encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ask("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")


def read_process_start(pid: int, proc: str = PROC, ask: Ask = ask) -> str | None:
    """`process_start` by what lies in `proc`, else by what macOS answers."""
    if os.path.exists(f"{proc}/self/stat"):
        return _start_in_proc(f"{proc}/{pid}/stat")
    state, _, started = ask("/bin/ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)).partition(" ")
    return None if state.startswith(_ENDED) else " ".join(started.split()) or None


def _start_in_proc(path: str) -> str | None:
    """The name of a program, in brackets, may hold anything: what follows it is counted."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return None if fields[0] in _ENDED else fields[19]
    except (OSError, IndexError):
        return None


def allow_many_files() -> None:
    """Let this process have many files open, as far as the system lets us.

    A Mac's terminals allow 256, which a few executions at once use up.
    """
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(MANY_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return
