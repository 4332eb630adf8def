"""How long an execution took, though the clock of the machine was set meanwhile."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from localhai.records.times import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.containers.engine import ContainerState


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
