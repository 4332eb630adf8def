"""What runs elsewhere, as it goes on: looks until it has ended. Where whoever ran it died, that is looked after."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from localhai.app.recover import recover
from localhai.executions.log.follow import LOOK, GrowingLog
from localhai.executions.run.owner import is_gone, is_left
from localhai.vocabulary import FINAL, INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localhai.executions.execution import Execution
    from localhai.executions.home import Home
    from localhai.executions.log.log import Event
    from localhai.records.pipelines import Pipeline

    Say = Callable[[str], None]


def follow_execution(
    home: Home, execution: Execution, say: Say, meanwhile: Callable[[], None] | None = None
) -> Iterator[Event]:
    """Every event of its log from the first, then those that come, until it has ended; `execution` is refreshed.

    `say` hears what becomes of one whose localhai died; `meanwhile` is called at each look.
    """
    log = GrowingLog(execution.folder)
    for has_ended in _looks(home, execution, say):  # asked first: what was written before is then there
        yield from log.read()
        if has_ended:
            yield from log.rest()
        if meanwhile is not None:
            meanwhile()


def wait_for_end(home: Home, execution: Execution, say: Say) -> None:
    """Look it up until it has ended; then its outputs are known."""
    for _has_ended in _looks(home, execution, say):
        pass


def wait_for_children(home: Home, task_id: str, is_asked_to_stop: Callable[[], bool]) -> bool:
    """Look the executions of a task up, which others run, until all have ended; gives whether it is to stop."""
    records, asked = home.records, False
    while running := [item for _, item in records.tasks.children(task_id) if item.status in INCOMPLETE]:
        if not asked and (is_asked_to_stop() or records.tasks.stop_requested(task_id)):
            asked = True
            for item in running:
                records.executions.request_stop(item.id)
        time.sleep(LOOK)
    return is_asked_to_stop() or records.tasks.stop_requested(task_id)


def follow_pipeline(home: Home, record: Pipeline, say: Say, meanwhile: Callable[[], None] | None = None) -> Pipeline:
    """Look a pipeline up until it has ended; gives it as it is then. `say`, `meanwhile`: see `follow_execution`."""
    while record.status not in FINAL:
        if is_gone(home, record.owner, record.created, record.id):
            recover(home, say)
        if meanwhile is not None:
            meanwhile()
        time.sleep(LOOK)
        record = home.records.pipelines.get(record.id)
    return record


def _looks(home: Home, execution: Execution, say: Say) -> Iterator[bool]:
    """False again and again while it runs, then True."""
    while True:
        record = execution.refresh().record
        has_ended = record.status in FINAL
        yield has_ended
        if has_ended:
            return
        if is_left(home, record):
            recover(home, say)
        time.sleep(LOOK)
