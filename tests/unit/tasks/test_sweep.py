"""The state machine: what comes next, and when it is over (platform.md 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localhai.tasks.sweep import Ended, Sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.tasks.plan import TaskPlan

    Make = Callable[..., TaskPlan]

FOUR = {"epochs": [1, 2, 3, 4]}


def test_executions_come_one_after_the_other_until_all_have_ended(plan_of: Make) -> None:
    sweep = Sweep(plan_of(parameters=FOUR))
    children = [sweep.next() for _ in range(4)]
    assert [child.parameters["epochs"] for child in children if child] == [1, 2, 3, 4]
    assert sweep.next() is None
    assert not sweep.over
    for number in (2, 0, 3, 1):
        sweep.ended(number, "complete", {})
    assert sweep.over
    assert sweep.outcome == "complete"


def test_no_more_are_in_progress_than_may_be_queued(plan_of: Make) -> None:
    sweep = Sweep(plan_of(parameters=FOUR, maximum_queued_executions=2))
    assert [sweep.next() is not None for _ in range(3)] == [True, True, False]
    sweep.ended(0, "complete", {})
    assert sweep.next() is not None
    assert sweep.next() is None


@pytest.mark.parametrize(
    ("on_child_error", "outcome", "made"),
    [
        (None, "error", 4),
        ("continue-and-error", "error", 4),
        ("continue-and-complete", "complete", 4),
        ("stop-all-and-error", "error", 2),
    ],
)
def test_a_failed_execution(plan_of: Make, on_child_error: str | None, outcome: str, made: int) -> None:
    sweep = Sweep(plan_of(parameters=FOUR, on_child_error=on_child_error))
    count = 0
    while (child := sweep.next()) is not None:
        count += 1
        sweep.ended(child.number, "error" if child.number == 1 else "complete", {})
    assert sweep.over
    assert (sweep.outcome, count) == (outcome, made)
    assert sweep.failed == 1


def test_a_stop_all_error_stops_those_that_run(plan_of: Make) -> None:
    sweep = Sweep(plan_of(parameters=FOUR, on_child_error="stop-all-and-error"))
    sweep.next(), sweep.next()
    sweep.ended(0, "crashed", {})
    assert sweep.stopping
    assert not sweep.over
    sweep.ended(1, "stopped", {})
    assert sweep.over
    assert sweep.outcome == "error"


def test_the_stop_condition_of_one_execution_ends_the_whole_task(plan_of: Make) -> None:
    sweep = Sweep(plan_of(parameters=FOUR, stop_condition="accuracy >= 0.9 and epoch > 1"))
    sweep.next(), sweep.next()
    sweep.heard(0, [{"accuracy": 0.95}])
    sweep.heard(1, [{"epoch": 2}])  # of another execution: they do not add up
    assert not sweep.stopping
    sweep.heard(0, [{"epoch": 2}])
    assert sweep.stopping
    assert sweep.next() is None
    sweep.ended(0, "stopped", {})
    sweep.ended(1, "stopped", {})
    assert sweep.over
    assert sweep.outcome == "complete"
    assert "accuracy >= 0.9" in str(sweep.reason)


def test_a_wish_to_stop_waits_for_those_that_run(plan_of: Make) -> None:
    sweep = Sweep(plan_of(parameters=FOUR))
    sweep.next()
    sweep.stop("asked to stop")
    assert sweep.next() is None
    assert not sweep.over
    sweep.ended(0, "stopped", {})
    assert sweep.over
    assert sweep.outcome == "stopped"


def test_a_resume_makes_exactly_what_is_missing(plan_of: Make) -> None:
    plan = plan_of(parameters=FOUR)
    ended = [Ended(0, "complete", {"epochs": 1}, {}), Ended(2, "error", {"epochs": 3}, {})]
    sweep = Sweep(plan, ended)
    made = []
    while (child := sweep.next()) is not None:
        made.append(child.parameters["epochs"])
        sweep.ended(child.number, "complete", {})
    assert made == [2, 4]
    assert sweep.outcome == "error"  # of the one that is kept


def test_a_resume_of_all_is_over_at_once(plan_of: Make) -> None:
    plan = plan_of(parameters={"epochs": [1]})
    sweep = Sweep(plan, [Ended(0, "complete", {"epochs": 1}, {})])
    assert sweep.next() is None
    assert sweep.over
