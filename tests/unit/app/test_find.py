"""Several things on one line, as people name them: the same for every noun."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from localhai.app.find import find_executions, find_pipelines, find_tasks
from localhai.errors import UsageError

ROWS = [SimpleNamespace(id=f"id-{number}", counter=number) for number in range(9, 0, -1)]  # lists have the newest first


class Noun:
    def find(self, word: str, project_id: str | None) -> Any:
        assert project_id == "p"
        return ROWS[0] if word == "latest" else next(row for row in ROWS if row.counter == int(word.strip("#")))

    def list(self, project_id: str | None, *, limit: int | None, counters: range = range(10)) -> Any:
        assert project_id == "p"
        return [row for row in ROWS if row.counter in counters][:limit]


HOME: Any = SimpleNamespace(records=SimpleNamespace(executions=Noun(), pipelines=Noun(), tasks=Noun()))


@pytest.mark.parametrize("find", [find_executions, find_pipelines, find_tasks])
@pytest.mark.parametrize(
    ("words", "counters"),
    [
        (["3"], [3]),
        (["5", "2", "5"], [5, 2]),
        (["2-4", "latest"], [2, 3, 4, 9]),
        (["=2-#4", "!3"], [2, 4]),
        (["!2-8", "1-9"], [1, 9]),
        (["8-20"], [8, 9]),
    ],
)
def test_each_is_given_once_in_the_order_that_was_typed(find: Any, words: list[str], counters: list[int]) -> None:
    assert [row.counter for row in find(HOME, "p", words)] == counters


@pytest.mark.parametrize(
    ("find", "noun"), [(find_executions, "execution"), (find_pipelines, "pipeline"), (find_tasks, "task")]
)
def test_a_range_of_nothing_is_refused(find: Any, noun: str) -> None:
    with pytest.raises(UsageError, match=f"'4-2' is no range of {noun} numbers"):
        find(HOME, "p", ["4-2"])
    with pytest.raises(UsageError, match=f"'2-4' is no range of {noun} numbers"):
        find(HOME, None, ["2-4"])
    with pytest.raises(UsageError, match=f"there are no {noun}s 11-12"):
        find(HOME, "p", ["11-12"])
