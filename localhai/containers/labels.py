"""Labels on every container, volume and network: which execution it belongs to, and which process looks after it."""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, to_builtins

EXECUTION = "localhai.execution"
PROJECT = "localhai.project"
OWNER = "localhai.owner"
CACHE = "localhai.cache"  # volumes of package caches: kept until `localhai clean --cache`
HELPER = "localhai.helper"
BASE_SIZE = "localhai.base-size"  # on the image of an endpoint: the bytes of the image that it stands on
DEPLOYMENT = "localhai.deployment"  # the id of a deployment version: on its image and its containers
ENDPOINT = "localhai.endpoint"
TASK = "localhai.task"  # what the members of a distributed task share


class Owner(Struct, frozen=True):
    """One process. `process_start` and `boot_id` tell it from a later one of the same number."""

    host: str
    pid: int
    process_start: str
    boot_id: str


def build(*, execution: str, project: str, owner: Owner | None = None) -> dict[str, str]:
    """The labels of what belongs to an execution; the owner is this process unless given."""
    return {EXECUTION: execution, PROJECT: project, OWNER: write_owner(owner or own_owner())}


def write_owner(owner: Owner) -> str:
    """As a label's value: the fields of `Owner` in JSON."""
    return json.dumps(to_builtins(owner))


def parse_owner(labels: Mapping[str, str]) -> Owner | None:
    """The owner that labels name, None when they name none that can be read."""
    try:
        data = json.loads(labels[OWNER])
        return Owner(str(data["host"]), int(data["pid"]), str(data["process_start"]), str(data["boot_id"]))
    except (KeyError, TypeError, ValueError):
        return None


def own_owner() -> Owner:
    pid = os.getpid()
    return Owner(socket.gethostname(), pid, process_start(pid) or "", boot_id())


def is_alive(owner: Owner | None) -> bool:
    """Whether the owner still runs. One on another machine, or in another container, is taken to: we cannot know.

    Labels without a readable owner have none.
    """
    if owner is None:
        return False
    if owner.host != socket.gethostname():
        return True
    if owner.boot_id != boot_id():
        return False
    started = process_start(owner.pid)
    return started is not None and (not owner.process_start or started == owner.process_start)


@functools.cache
def boot_id() -> str:
    """Names the start of this machine; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return _ask("sysctl", "-n", "kern.bootsessionuuid")  # macOS


def process_start(pid: int) -> str | None:
    """When a process started, in whatever the system counts in; None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = text.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]  # a zombie looks after nothing
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return None
        return _ask("ps", "-o", "lstart=", "-p", str(pid)) or None
    except (OSError, IndexError):
        return None


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)  # noqa: S603 - our words
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
