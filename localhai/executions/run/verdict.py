"""What ends a running execution, and what its end means in the words of the record: status, error, exit code, duration.

Limits, silence and wishes to stop end it before its command does (platform.md 6). Pure.
"""

from __future__ import annotations

import signal
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from localhai.records.times import parse
from localhai.vocabulary import SIGNALLED

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.containers.engine import ContainerState


Cause = Literal["requested", "interrupted", "time-limit", "no-output-timeout", "stop-condition", "failed-here"]

STOPPED_BY_WISH: frozenset[str] = frozenset({"requested", "interrupted", "stop-condition"})


class ContainerExit(Struct, frozen=True):
    """How a container ended. `exit_code` None: nobody knows. `cause`: what ended it before its command did.

    `ran` is false where its command surely never began: it left nothing.
    """

    exit_code: int | None
    cause: Cause | None = None
    reason: str | None = None
    oom_killed: bool = False
    ran: bool = True


class Watch(Struct, frozen=True):
    """Limits of one execution, in seconds on one monotonic clock."""

    started: float
    time_limit: float | None = None
    no_output_timeout: float | None = None

    def exceeded(self, now: float, last_output: float) -> tuple[Cause, str] | None:
        """Which limit is exceeded at `now`, and a sentence about it."""
        if self.time_limit is not None and now - self.started >= self.time_limit:
            return "time-limit", f"the time limit of {_seconds(self.time_limit)} was reached"
        if self.no_output_timeout is not None and now - last_output >= self.no_output_timeout:
            return "no-output-timeout", f"nothing was written for {_seconds(self.no_output_timeout)}"
        return None

    def next_look(self, now: float, last_output: float, at_most: float) -> float:
        """Seconds until a limit could be exceeded, at most `at_most`."""
        waits = [at_most]
        if self.time_limit is not None:
            waits.append(self.started + self.time_limit - now)
        if self.no_output_timeout is not None:
            waits.append(last_output + self.no_output_timeout - now)
        return max(0.0, min(waits))


def _seconds(value: float) -> str:
    return f"{value:g} s"


def final_status(cause: Cause | None, exit_code: int | None) -> Literal["complete", "error", "stopped", "crashed"]:
    """The state that an ended container leads to (platform.md 6).

    Limits end in `error`, a stop-condition in `stopped` (both unconfirmed, platform.md 6). Without an exit
    code nobody knows what happened: `crashed`.
    """
    if cause in STOPPED_BY_WISH:
        return "stopped"
    if cause is not None:
        return "error"
    if exit_code is None:
        return "crashed"
    return "complete" if exit_code == 0 else "error"


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
    name = _signal_name(ended.exit_code - SIGNALLED)
    if name is not None:
        return f"it was killed by {name} (exit code {ended.exit_code})"
    return f"its command ended with exit code {ended.exit_code}"


def _signal_name(number: int) -> str | None:
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def stopwatch() -> Callable[[], float]:
    """Seconds since now, by a clock that nobody sets."""
    began = time.monotonic()
    return lambda: time.monotonic() - began


def by_engine(record_started: str | None, state: ContainerState) -> float | None:
    """Seconds of one whose localhai died: what came before its container ran, and how long that ran.

    None while the engine has not said both of its times.
    """
    if state.started is None or state.finished is None:
        return None
    began, ended = moment(state.started), moment(state.finished)
    before = 0.0 if record_started is None else (began - parse(record_started)).total_seconds()
    return max(0.0, before) + max(0.0, (ended - began).total_seconds())


def moment(said: str) -> datetime:
    """A time as engines write it: UTC, with up to nine digits behind the second."""
    whole, _, fraction = said.rstrip("Z").partition(".")
    micro = int(fraction[:6].ljust(6, "0")) if fraction[:6].isdigit() else 0
    return datetime.fromisoformat(whole[:19]).replace(microsecond=micro, tzinfo=timezone.utc)
