"""What localhais left that died, or that a thread of this process dropped: looked after by every front end alike.

Each execution, endpoint, task and pipeline on its own: one that cannot be looked after now is named, the next goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from localhai.errors import EngineNotFound, LocalhaiError, RecordsUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from localhai.executions.home import Home
    from localhai.records.pipelines import Pipeline
    from localhai.records.tasks import TaskRecord

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
    from localhai.app.unfinished import close_task, left

    def act(record: TaskRecord) -> None:
        if not _is_gone_on_with(home, _name(record, "task"), record, say):
            close_task(home, record, say)

    _each(left(home, home.records.tasks.list_open()), lambda record: _name(record, "task"), act, say)


def _pipelines(home: Home, say: Say) -> None:
    from localhai.app.unfinished import close_pipeline, left

    def act(record: Pipeline) -> None:
        if not _is_gone_on_with(home, _name(record, "pipeline"), record, say):
            close_pipeline(home, record, say)

    _each(left(home, home.records.pipelines.list_open()), lambda record: _name(record, "pipeline"), act, say)


def _name(record: Pipeline | TaskRecord, noun: str) -> str:
    return f"{noun} #{record.counter}"


def _is_gone_on_with(home: Home, name: str, record: Pipeline | TaskRecord, say: Say) -> bool:
    """Whether a server ran it, and the next one is to have it (`continuing.py`)."""
    if record.stop_requested is not None or home.records.queue.entry(record.id) is None:
        return False
    say(f"{name} (project {record.project}): the next localhai serve goes on with it")
    return True


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
