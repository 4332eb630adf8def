"""Labels on every container, volume and network: which execution it belongs to, and which process looks after it."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping

from msgspec import Struct, to_builtins

from localhai.system import strict_json
from localhai.system.process import boot_id, host_name, is_running, is_this_machine, process_start

EXECUTION = "localhai.execution"
PROJECT = "localhai.project"
OWNER = "localhai.owner"
CACHE = "localhai.cache"  # volumes of package caches: kept until `localhai clean --cache`
HELPER = "localhai.helper"
BASE_SIZE = "localhai.base-size"  # on the image of an endpoint: the bytes of the image that it stands on
DEPLOYMENT = "localhai.deployment"  # the id of a deployment version: on its image and its containers
ENDPOINT = "localhai.endpoint"
HOME = "localhai.home"  # the id of the home that made it: another one on the same engine leaves it alone
TASK = "localhai.task"  # what the members of a distributed task share


class OwnerLabel(Struct, frozen=True):
    """One process. `process_start` and `boot_id` tell it from a later one of the same number."""

    host: str
    pid: int
    process_start: str
    boot_id: str


def build(*, execution: str, project: str, owner: OwnerLabel | None = None, home: str | None = None) -> dict[str, str]:
    """The labels of what belongs to an execution; the owner is this process unless given."""
    found = {EXECUTION: execution, PROJECT: project, OWNER: write_owner(owner or own_owner())}
    return found if home is None else {**found, HOME: home}


def write_owner(owner: OwnerLabel) -> str:
    """As a label's value: the fields of `OwnerLabel` in JSON."""
    return strict_json.dumps(to_builtins(owner))


def parse_owner(labels: Mapping[str, str]) -> OwnerLabel | None:
    """The owner that labels name, None when they name none that can be read."""
    try:
        data = json.loads(labels[OWNER])
        return OwnerLabel(str(data["host"]), int(data["pid"]), str(data["process_start"]), str(data["boot_id"]))
    except (KeyError, TypeError, ValueError):
        return None


def own_owner() -> OwnerLabel:
    """The process that asks."""
    return _owner_of(os.getpid())


@functools.lru_cache(maxsize=1)
def _owner_of(pid: int) -> OwnerLabel:
    """Asked once: what tells it is a program on macOS. A fork is another process."""
    return OwnerLabel(host_name(), pid, process_start(pid) or "", boot_id())


def is_alive(owner: OwnerLabel | None) -> bool:
    """Whether the owner still runs. One on another machine, or in another container, is taken to: we cannot know.

    Labels without a readable owner have none.
    """
    if owner is None:
        return False
    if not is_this_machine(owner.host, owner.boot_id):
        return True
    return is_running(owner.pid, owner.process_start, owner.boot_id)
