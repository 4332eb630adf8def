"""The queue reads what waits once for many that start, in the order that it had when it read for each."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from localhai.app.queue import Lines, Queue, choose
from localhai.records.queue import QueueEntry
from localhai.server.app import Host

if TYPE_CHECKING:
    from collections.abc import Sequence


def entries(seed: int) -> list[QueueEntry]:
    chance = random.Random(seed)  # noqa: S311
    return [
        QueueEntry(f"{number:03}", f"p{chance.randrange(4)}", "u", chance.randrange(3), {}, created=f"{number // 3:03}")
        for number in chance.sample(range(100), 100)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_first_of_each_project_are_enough_to_choose_from(seed: int) -> None:
    waiting = entries(seed)
    lines, left, served = Lines(waiting), list(waiting), dict[str, int]()
    running: dict[str, int] = {}
    for turn in range(len(waiting)):
        chosen = choose(lines.heads(), running, served)
        assert chosen == choose(left, running, served)
        assert chosen is not None
        lines.leave(chosen)
        left.remove(chosen)
        served[chosen.project_id] = turn + 1
        running[chosen.project_id] = turn % 3
    assert len(lines) == 0
    assert lines.heads() == []


class Records:
    def __init__(self, waiting: Sequence[QueueEntry]) -> None:
        self.rows = list(waiting)
        self.reads = 0


class Counting(Queue):
    """A queue whose executions end at once."""

    def __init__(self, state: Any, records: Records) -> None:
        super().__init__(Host(state), jobs=2)
        self.records = records
        self.ran: list[str] = []

    def waiting(self) -> list[QueueEntry]:
        self.records.reads += 1
        return list(self.records.rows)

    def _engine_answers(self, number: int) -> bool:  # noqa: ARG002
        return True

    def _run(self, execution_id: str, interruption: Any) -> None:
        with self._turn_of(execution_id, interruption):
            self.ran.append(execution_id)
            self.records.rows = [row for row in self.records.rows if row.id != execution_id]


def test_a_long_queue_is_not_read_again_for_each_that_starts_and_nothing_runs_twice(state: Any) -> None:
    waiting = entries(1)
    queue = Counting(state, Records(waiting))
    for _ in waiting:
        with queue._changed:
            assert queue._changed.wait_for(lambda: len(queue._running) < 2, timeout=60)
        while not queue._start_next():  # until a slot is free
            pass
    with queue._changed:
        assert queue._changed.wait_for(lambda: not queue._running, timeout=60)
    assert sorted(queue.ran) == sorted(entry.id for entry in waiting)
    assert queue.records.reads <= 3  # once, and again after five seconds on a very slow machine

    new = entries(2)[0]
    queue.records.rows = [new]
    queue.wake()
    assert queue._start_next()
    with queue._changed:
        assert queue._changed.wait_for(lambda: not queue._running, timeout=60)
    assert queue.ran[-1] == new.id
