"""The rule book, as those who run whole tasks and those who run one execution at a time ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localhai.airflow.pipelines.flow import flag_of_child, gathered
from localhai.tasks import rules
from localhai.tasks.plan import Target
from localhai.tasks.rules import Part
from localhai.tasks.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.tasks.plan import TaskPlan

    Make = Callable[..., TaskPlan]

FOUR = {"epochs": [1, 2, 3, 4]}
HUGE = 10**400  # JSON has it, a float has not


def xcom(part: Part) -> dict[str, Any]:
    """What an execution that Airflow ran leaves."""
    return {
        "child": {"number": part.number, "parameters": part.parameters},
        "status": part.status,
        "outputs": part.outputs,
        "cumulative_metadata": part.metadata,
        "parameters": part.parameters,
    }


@pytest.mark.parametrize(
    ("on_child_error", "condition", "status", "metadata", "outcome"),
    [
        (None, None, "error", {}, None),
        ("continue-and-complete", None, "crashed", {}, None),
        ("stop-all-and-error", None, "crashed", {}, "error"),
        ("stop-all-and-error", None, "stopped", {}, None),
        ("stop-all-and-error", "loss < 1", "error", {"loss": 0.5}, "complete"),
        ("stop-all-and-error", "loss < 1", "error", {"loss": 5}, "error"),
        (None, "loss < 1", "complete", {"loss": 0.5}, "complete"),
        (None, "loss < 1", "complete", {}, None),
    ],
)
def test_the_end_of_an_execution_means_the_same_whoever_runs_it(
    plan_of: Make, on_child_error: str | None, condition: str | None, status: str, metadata: Any, outcome: str | None
) -> None:
    plan = plan_of(parameters=FOUR, on_child_error=on_child_error, stop_condition=condition)
    sweep = Sweep(plan)
    sweep.next()

    sweep.ended(0, status, metadata)
    flag = flag_of_child(plan, xcom(Part(0, status, metadata=metadata)))

    assert (sweep.outcome, sweep.reason) == (outcome, (flag or {}).get("reason")) if outcome else not sweep.stopping
    assert (flag or {}).get("outcome") == outcome
    assert rules.may_end_others(plan) or flag is None


@pytest.mark.parametrize("on_child_error", [None, "continue-and-error", "continue-and-complete"])
@pytest.mark.parametrize("statuses", ["complete", "error", "crashed", "stopped"])
def test_a_task_ends_the_same_whoever_runs_it(plan_of: Make, on_child_error: str | None, statuses: str) -> None:
    plan = plan_of(parameters={"epochs": [1, 2]}, on_child_error=on_child_error)
    sweep = Sweep(plan)
    parts = [Part(0, "complete"), Part(1, statuses)]
    for part in parts:
        sweep.next()
        sweep.ended(part.number, part.status, {})

    found = gathered(plan, [xcom(part) for part in parts], made=2, flag=None)

    assert (found["status"], found["error"]) == (sweep.outcome, sweep.ending.reason)


def test_the_first_that_stops_a_task_counts_but_what_all_need_comes_before(plan_of: Make) -> None:
    sweep = Sweep(plan_of(parameters=FOUR, on_child_error="stop-all-and-error"))
    sweep.next(), sweep.next()
    sweep.stop("it was asked to stop")
    sweep.ended(0, "error", {})
    assert (sweep.outcome, sweep.reason) == ("stopped", "it was asked to stop")
    sweep.fail("no engine")
    sweep.fail("no engine again")
    assert (sweep.outcome, sweep.reason) == ("error", "no engine")


def test_what_the_complete_executions_come_to_in_their_order() -> None:
    parts = [
        Part(2, "complete", ["c"], {"loss": 0.3, "x": 2}, {"rate": 3, "title": "t"}),
        Part(1, "error", ["b"], {"loss": 0.0}, {"rate": 2, "title": "t"}),
        Part(0, "complete", ["a"], {"loss": 0.1}, {"rate": 1, "title": "t"}),
    ]
    whole = rules.gather(parts, ["rate"])
    assert (whole.first, whole.outputs) == (0, ("a", "c"))
    assert whole.parameters == {"rate": [1, 3], "title": "t"}
    assert whole.metadata == {"loss": 0.3, "x": 2}, "the last of each key"
    assert rules.gather(parts, ["rate"], Target("loss", 0.0)).metadata == {"loss": 0.1}, "of the best that is complete"
    assert rules.gather(parts, [], Target("loss")).metadata == whole.metadata, "of a target without a value no best"
    assert rules.gather([parts[1]], ["rate"]) == rules.Whole(None, (), {}, {})


@pytest.mark.parametrize(
    ("value", "distance"),
    [(0.5, 0.5), ("2", 1.0), (True, 0.0), ("NaN", None), (float("inf"), None), (HUGE, None), (-HUGE, None), ([], None)],
)
def test_how_far_an_execution_is_from_the_target(value: Any, distance: float | None) -> None:
    assert rules.distance({"loss": value}, Target("loss", 1.0)) == distance


def test_a_number_that_no_float_holds_ends_no_search(plan_of: Make) -> None:
    plan = plan_of(
        type="bayesian_tpe",
        parameters={"epochs": [1, 2]},
        execution_count=21,
        optimization_target_metric="loss",
        optimization_target_value=0.0,
    )
    sweep = Sweep(plan)
    sweep.next()
    sweep.ended(0, "complete", {"loss": HUGE})
    assert not sweep.stopping
    assert rules.tried(plan, "complete", {"epochs": 1}, {"loss": HUGE}).distance is None
    assert rules.tried(plan, "error", {"epochs": 1}, {"loss": 0.5}).distance is None


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("count", [3, 20, 21, 25, 26, 40])
def test_batches_and_stages_begin_at_the_same_numbers(plan_of: Make, count: int, size: int) -> None:
    goal = {"optimization_target_metric": "loss", "optimization_target_value": 0.0}
    keys = {"execution_count": count, "execution_batch_size": size, **goal}
    plan = plan_of(type="bayesian_tpe", parameters={"epochs": [1, 2]}, **keys)
    starts = {rules.batch_start(plan, number) for number in range(20, count)}
    assert rules.stages(plan) == [0, *sorted(starts)]
    assert rules.stages(plan_of(parameters=FOUR)) == [0]


@pytest.mark.parametrize(
    ("jobs", "most", "side_by_side"), [(1, None, 1), (3, None, 3), (9, None, 4), (3, 2, 2), (0, None, 1), (2, 9, 2)]
)
def test_how_many_run_side_by_side(plan_of: Make, jobs: int, most: int | None, side_by_side: int) -> None:
    assert rules.side_by_side(plan_of(parameters=FOUR, maximum_queued_executions=most), jobs) == side_by_side


def test_only_a_search_that_learns_has_stages(plan_of: Make) -> None:
    many = {"lr": ("random", {"min": 0, "max": 1})}
    assert rules.stages(plan_of(type="random_search", parameters=many, execution_count=40)) == [0]


def test_members_of_a_distributed_task_run_and_are_resumed_together(plan_of: Make) -> None:
    members = plan_of(type="distributed", parameters={"epochs": [1, 2, 3]})
    assert rules.side_by_side(members, 1) == 3
    assert rules.kept(members, "error", failed=False) == set()
    assert rules.kept(members, "complete", failed=False) == {"complete"}


@pytest.mark.parametrize(("failed", "stay"), [(False, {"complete", "error"}), (True, {"complete"})])
def test_what_stays_of_a_task_that_is_resumed(plan_of: Make, failed: bool, stay: set[str]) -> None:
    assert rules.kept(plan_of(parameters=FOUR), "error", failed=failed) == stay


def test_what_ends_a_task_is_said(plan_of: Make) -> None:
    plan = plan_of(parameters=FOUR, on_child_error="stop-all-and-error", stop_condition="loss < 1")
    met = rules.Ending("complete", "stop-condition met: loss < 1")
    failed = rules.Ending("error", "an execution failed and on-child-error is stop-all-and-error")
    assert rules.after_child(plan, "error", is_met=True) == met
    assert rules.after_child(plan, "crashed", is_met=False) == failed
    assert rules.after_child(plan, "complete", is_met=False) is None
    assert rules.ending(plan, 2) == rules.Ending("error", "2 of 4 executions failed")
    assert rules.ending(plan, 0) == rules.Ending("complete")
    assert rules.may_end_others(plan)
    assert not rules.may_end_others(plan_of(parameters=FOUR))
    assert rules.may_end_others(plan_of(parameters=FOUR, stop_condition="loss < 1"))


def test_what_happens_by_default_when_one_fails() -> None:
    assert rules.default_on_child_error("distributed") == "stop-all-and-error"
    assert rules.default_on_child_error("grid_search") == "continue-and-error"


def test_the_best_is_the_nearest_and_the_first_of_several() -> None:
    def row(number: int, loss: Any, status: str = "complete") -> dict[str, Any]:
        return {"number": number, "status": status, "metadata": {"loss": loss}}

    target = Target("loss", 1.0)
    assert rules.best([row(0, 3), row(2, 1.5), row(1, 0.5), row(3, 1, "error")], target) == row(1, 0.5)
    assert rules.best([row(0, "x"), row(1, None)], target) is None
    assert rules.best([], target) is None
    assert rules.best([row(1, 2), row(0, 0)], target) == row(0, 0), "both are as near"
    assert rules.best([row(0, 1)], None) is None


@pytest.mark.parametrize(
    ("value", "number"), [(HUGE, float("inf")), (-HUGE, float("-inf")), ("1e3", 1000.0), ("x", None)]
)
def test_what_a_step_prints_as_a_number(value: Any, number: float | None) -> None:
    assert rules.number(value) == number
