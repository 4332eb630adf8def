"""Which process looks after an execution, in the words of the records and of container labels."""

from __future__ import annotations

from localhai.containers import labels
from localhai.records import Owner


def own_owner() -> Owner:
    """The process that asks."""
    me = labels.own_owner()
    return Owner(me.host, me.pid, me.process_start, me.boot_id)


def is_alive(owner: Owner) -> bool:
    """Whether the process still runs; one of another machine is taken to."""
    return labels.is_alive(labels.Owner(owner.host, owner.pid, owner.process_start, owner.boot_id))
