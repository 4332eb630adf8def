"""The state machine: what comes next, and when it is over (platform.md 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localhai.tasks.sweep import Ended, Sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.tasks.bayesian import Tried
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
    assert sweep.reason == "stop-condition met: accuracy >= 0.9 and epoch > 1"


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


def test_what_was_decided_stays_when_somebody_wishes_a_stop_later(plan_of: Make) -> None:
    sweep = Sweep(plan_of(parameters={"epochs": [1]}))
    sweep.next()
    assert sweep.reason is None
    sweep.ended(0, "complete", {})
    sweep.stop("too late")
    assert (sweep.outcome, sweep.reason, sweep.stopping) == ("complete", None, False)


def test_a_failure_of_all_beats_a_wish_but_not_a_failure(plan_of: Make) -> None:
    sweep = Sweep(plan_of(parameters=FOUR))
    sweep.next()
    sweep.stop("asked to stop")
    sweep.fail("no engine")
    sweep.fail("no disk")
    assert (sweep.outcome, sweep.reason, sweep.over) == ("error", "no engine", False)


def test_failures_are_counted_and_said(plan_of: Make) -> None:
    ended = [Ended(0, "crashed", {"epochs": 1}, {}), Ended(1, "error", {"epochs": 2}, {})]
    sweep = Sweep(plan_of(parameters=FOUR), ended)
    for _ in range(2):
        child = sweep.next()
        assert child is not None
        sweep.ended(child.number, "stopped" if child.number == 2 else "error", {})
    assert sweep.failed == 3
    assert (sweep.outcome, sweep.ending.reason) == ("error", "3 of 4 executions failed")


def test_a_batch_of_a_search_waits_for_all_before_it(plan_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[float | None], int]] = []

    def propose(_plan: TaskPlan, before: list[Tried], start: int) -> list[dict[str, int]]:
        asked.append(([tried.distance for tried in before], start))
        return [{"epochs": start * 10 + place} for place in range(3)]

    monkeypatch.setattr("localhai.tasks.bayesian.propose", propose)
    plan = plan_of(
        type="bayesian_tpe",
        parameters={"epochs": ("random", {"min": 1, "max": 9})},
        execution_count=25,
        execution_batch_size=3,
        optimization_target_metric="loss",
        optimization_target_value=1.0,
    )
    sweep = Sweep(plan)
    assert [child.number for child in iter(sweep.next, None)] == list(range(20))
    for number in (*range(1, 20), 0):
        assert sweep.next() is None
        sweep.ended(number, "error" if number == 3 else "complete", {"loss": number})
    assert [child.parameters["epochs"] for child in iter(sweep.next, None)] == [200, 201, 202]
    for number in (21, 22):
        sweep.ended(number, "complete", {"loss": 1})
        assert sweep.next() is None
    sweep.ended(20, "complete", {})
    assert [(child.number, child.parameters["epochs"]) for child in iter(sweep.next, None)] == [(23, 230), (24, 231)]
    known = [None if number == 3 else abs(number - 1.0) for number in range(20)]
    assert asked == [(known, 20), ([*known, None, 0.0, 0.0], 23)]
    assert not sweep.over
    sweep.ended(23, "complete", {})
    sweep.ended(24, "complete", {})
    assert sweep.over
