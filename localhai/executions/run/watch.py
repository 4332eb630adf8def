"""What ends a running execution before its command does: time limits, silence, a condition, a request. Pure."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Cause = Literal["requested", "interrupted", "time-limit", "no-output-timeout", "stop-condition", "failed-here"]

STOPPED_BY_WISH: frozenset[str] = frozenset({"requested", "interrupted", "stop-condition"})


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
