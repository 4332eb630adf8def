"""What an ended container means, in the words of the record: status, error, exit code. Pure."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.executions.run.watch import final_status

if TYPE_CHECKING:
    from localhai.executions.run.context import ContainerExit

KILLED = 128  # a shell's exit code for a command that a signal ended, before the signal's number


class Outcome(Struct, frozen=True):
    """`error` is None exactly when `status` is `complete`."""

    status: str
    error: str | None
    exit_code: int | None


def verdict(ended: ContainerExit, *, memory_limit: float | None = None) -> Outcome:
    """The state to close an execution with (platform.md 6). `memory_limit` is in megabytes."""
    status = final_status(ended.cause, ended.exit_code)
    if status == "complete":
        return Outcome(status, None, ended.exit_code)
    return Outcome(status, _reason(ended, memory_limit), ended.exit_code)


def _reason(ended: ContainerExit, memory_limit: float | None) -> str:
    if ended.reason is not None:
        return ended.reason
    if ended.oom_killed:
        limit = f" of {memory_limit:g} MB" if memory_limit is not None else ""
        return f"it used more memory than its limit{limit} and was killed (exit code {ended.exit_code})"
    if ended.exit_code is None:
        return "how it ended is not known"
    name = _signal_name(ended.exit_code - KILLED)
    if name is not None:
        return f"it was killed by {name} (exit code {ended.exit_code})"
    return f"its command ended with exit code {ended.exit_code}"


def _signal_name(number: int) -> str | None:
    try:
        return signal.Signals(number).name
    except ValueError:
        return None
