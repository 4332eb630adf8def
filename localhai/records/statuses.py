"""The statuses of an execution and the changes that are allowed between them (platform.md 6). Pure."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(str, Enum):
    """The eight statuses of the platform and no others: its Airflow hook raises on any other (platform.md 6)."""

    CREATED = "created"
    QUEUED = "queued"
    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"
    CRASHED = "crashed"
    COMPLETE = "complete"

    def __str__(self) -> str:
        return self.value


INCOMPLETE = frozenset({Status.CREATED, Status.QUEUED, Status.STARTED, Status.STOPPING})
FINAL = frozenset(Status) - INCOMPLETE

# From `created` and `queued` straight to `error` or `crashed`: an execution whose image or inputs cannot be had never
# starts. It is not known how the platform closes such a one: unconfirmed.
_NEVER_STARTED = frozenset({Status.STOPPING, Status.ERROR, Status.CRASHED})

ALLOWED: Mapping[Status, frozenset[Status]] = {
    Status.CREATED: _NEVER_STARTED | {Status.QUEUED},
    Status.QUEUED: _NEVER_STARTED | {Status.STARTED},
    Status.STARTED: frozenset({Status.STOPPING, Status.COMPLETE, Status.ERROR, Status.CRASHED}),
    Status.STOPPING: frozenset({Status.STOPPED, Status.CRASHED}),
    **dict.fromkeys(FINAL, frozenset()),
}


def allowed(old: Status, new: Status) -> bool:
    """Whether an execution may go from one status to another; staying where it is, is no change and not in here."""
    return new in ALLOWED[old]
