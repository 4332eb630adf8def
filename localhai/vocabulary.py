"""Words that several rooms share, each said once: statuses, addresses of data, values. Pure; loads nothing of ours.

Statuses are texts wherever they are stored or sent. Those of executions are the platform's own, of which the records
allow only known changes; those of all else are open or final.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(str, Enum):
    """Those of executions: the eight of the platform; on any other its Airflow hook raises (platform.md 6)."""

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
FAILED = frozenset({Status.ERROR, Status.CRASHED})  # by itself: nobody wished it

# From `created` and `queued` straight to `error` or `crashed`: an execution whose image or inputs cannot be had never
# starts. It is not known how the platform closes such a one: unconfirmed.
_NEVER_STARTED = FAILED | {Status.STOPPING}

ALLOWED: Mapping[Status, frozenset[Status]] = {
    Status.CREATED: _NEVER_STARTED | {Status.QUEUED},
    Status.QUEUED: _NEVER_STARTED | {Status.STARTED},
    Status.STARTED: FAILED | {Status.STOPPING, Status.COMPLETE},
    Status.STOPPING: frozenset({Status.STOPPED, Status.CRASHED}),
    **dict.fromkeys(FINAL, frozenset()),
}


def allowed(old: Status, new: Status) -> bool:
    """Whether an execution may go from one status to another; staying where it is, is no change and not in here."""
    return new in ALLOWED[old]


# What is left behind is closed as `crashed`: a pipeline, a task, an endpoint. Nodes are `error` then. The platform's
# own words for waiting, and for nodes that never run, are unconfirmed (platform.md 7.5, 7.6).
WAITING = "waiting-approval"
NODE_OPEN = ("created", "queued", WAITING, "started")
NODE_FINAL = ("complete", "error", "stopped")
PIPELINE_OPEN = ("created", "started", "stopping", WAITING)
TASK_OPEN = ("started", "stopping")  # the records keep the second as a wish beside the first
ENDPOINT_HELD = ("building", "starting", "serving")  # somebody owns it
MODEL_VERSION = ("pending", "approved", "rejected")  # what people think of one, as in `vh model versions --status`

ADDRESSES = frozenset({"datum", "dataset", "model"})  # schemes that name data of earlier executions (platform.md 4.1)


def datum_uri(reference: str) -> str:
    """The address of a datum by its id or an alias."""
    return f"datum://{reference}"


def version_uri(noun: str, name: str, version: str = "") -> str:
    """The address of a version of a `dataset` or a `model`; without one, that of the next version of a model."""
    return f"{noun}://{name}/{version}"


def has_scheme(uri: str, scheme: str = "datum") -> bool:
    """Whether it is an address of that scheme, as all are that localhai writes."""
    return uri.startswith(f"{scheme}://")


def without_scheme(text: str, scheme: str = "datum") -> str:
    """What an address names: an id or alias, NAME or NAME/VERSION. People leave the scheme out: that is the same."""
    return text.removeprefix(f"{scheme}://")


YAML = "valohai.yaml"  # the file of a project
JOINER = " && "  # between lines of a command (platform.md 1.4): both official local tools; the platform's unconfirmed
KeepDirectories = Literal["none", "suffix", "full"]  # keep-directories of an input (platform.md 4.3)
OnChildError = Literal["continue-and-complete", "continue-and-error", "stop-all-and-error"]  # of a task (platform.md 8)

SERVER_PORT = 8000  # of `localhai serve`, and of a deployment that is served
SIGNALLED = 128  # exit codes from here on say that a signal ended a process, and which


def is_id(text: str) -> bool:
    """Whether it is a whole id as localhai makes them: a UUID in small letters."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None


def is_variable(name: str) -> bool:
    """Whether a shell takes it for the name of a variable."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None
