"""What localhais left that died, or that a thread of this process dropped: looked after by every front end alike.

Each execution, endpoint, task and pipeline on its own: one that cannot be looked after now is named, the next goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from localhai.errors import EngineNotFound, LocalhaiError, RecordsUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from localhai.executions.home import Home

    Say = Callable[[str], None]

T = TypeVar("T")


def recover(home: Home, say: Say) -> None:
    """Close it, or have it watched to its end; tell `say`, a line each. Raises RecordsUnavailable alone.

    Nearly always five queries and nothing to do: then what it takes is not even loaded.
    """
    from localhai.executions.run.heartbeat import own_owner

    host = own_owner().host
    if home.records.processes.given_up(host):
        _clean_up(home, say)
    if home.records.executions.list_open():
        _executions(home, say)
    if home.records.deployments.held_versions(host=host):
        _endpoints(home, say)
    if home.records.tasks.list_open():
        _tasks(home, say)
    if home.records.pipelines.list_open():
        _pipelines(home, say)


def _clean_up(home: Home, say: Say) -> None:
    from localhai.executions.run.recovery import clean_up

    _each(["what this machine left while others took it for dead"], str, lambda _: clean_up(home, say), say)


def _executions(home: Home, say: Say) -> None:
    from localhai.app.queue import give_back
    from localhai.executions.run.recovery import left, look_after, name_of

    _each(left(home), name_of, lambda record: look_after(home, record, say, give_back), say)


def _endpoints(home: Home, say: Say) -> None:
    from localhai.deployments.leftovers import close_left, left

    _each(left(home), lambda found: found.name, lambda found: close_left(home, found, say), say)


def _tasks(home: Home, say: Say) -> None:
    from localhai.tasks.recovery import close_left, left

    _each(left(home), lambda record: f"task #{record.counter}", lambda record: close_left(home, record, say), say)


def _pipelines(home: Home, say: Say) -> None:
    from localhai.pipelines.recovery import close_left, left

    _each(left(home), lambda record: f"pipeline #{record.counter}", lambda record: close_left(home, record, say), say)


def _each(items: Sequence[T], name: Callable[[T], str], act: Callable[[T], None], say: Say) -> None:
    """Act on each of them, whatever becomes of the others. That no engine answers is said once."""
    without_engine = False
    for item in items:
        trouble = _attempt(item, act)
        if isinstance(trouble, EngineNotFound):
            if not without_engine:
                say(f"{name(item)} was left by a localhai that died; no engine answers to look at it: {trouble}")
            without_engine = True
        elif trouble is not None:
            said = trouble.message if isinstance(trouble, LocalhaiError) else f"{type(trouble).__name__}: {trouble}"
            say(f"{name(item)} was left by a localhai that died, and could not be looked after: {said}")


def _attempt(item: T, act: Callable[[T], None]) -> Exception | None:
    try:
        act(item)
    except RecordsUnavailable:
        raise
    except Exception as error:  # noqa: BLE001  # a fault of ours in one of them may not keep the others from it
        return error
    return None
