"""A Bayesian search: random at first, then in batches that learn, and the same again on a resume (platform.md 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localhai.errors import SurroundingsError
from localhai.tasks import bayesian
from localhai.tasks.sweep import Ended, Sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.tasks.plan import TaskPlan

    Make = Callable[..., TaskPlan]


@pytest.fixture
def plan(plan_of: Make) -> TaskPlan:
    return plan_of(
        type="bayesian_tpe",
        execution_count=50,
        execution_batch_size=6,
        optimization_target_metric="score",
        optimization_target_value=0,
        parameters={
            "lr": ("random", {"min": 0.0, "max": 10.0}),
            "epochs": ("linear", {"start": 1, "end": 9, "step": 1}),
            "kind": ["small", "large"],
        },
    )


def score(parameters: Any) -> dict[str, Any]:
    return {"score": abs(parameters["lr"] - 7) + abs(parameters["epochs"] - 4) + 3 * (parameters["kind"] == "small")}


def run(sweep: Sweep, until: int) -> list[Ended]:
    done = []
    while len(done) < until and (child := sweep.next()) is not None:
        metadata = {} if child.number == 3 else score(child.parameters)
        sweep.ended(child.number, "error" if child.number == 4 else "complete", metadata)
        done.append(Ended(child.number, "complete", child.parameters, metadata))
    return done


def test_proposals_come_nearer_to_the_target_than_chance(plan: TaskPlan) -> None:
    done = run(Sweep(plan), 50)
    assert len(done) == 50
    scores = [score(child.parameters)["score"] for child in done]
    assert sum(scores[-15:]) / 15 < 0.6 * sum(scores[:20]) / 20
    assert all(0 <= child.parameters["lr"] <= 10 and 1 <= child.parameters["epochs"] <= 9 for child in done)


def test_a_batch_waits_for_all_before_it(plan: TaskPlan) -> None:
    sweep = Sweep(plan)
    for _ in range(20):
        assert sweep.next() is not None
    assert sweep.next() is None
    for number in range(1, 20):
        sweep.ended(number, "complete", {"score": number})
    assert sweep.next() is None
    sweep.ended(0, "complete", {"score": 1})
    batch = [sweep.next() for _ in range(7)]
    assert [child is not None for child in batch] == [True] * 6 + [False]


def test_a_resume_goes_on_as_if_nothing_had_happened(plan: TaskPlan) -> None:
    whole = run(Sweep(plan), 35)
    kept = [Ended(c.number, "error" if c.number == 4 else "complete", c.parameters, c.metadata) for c in whole[:28]]
    again = run(Sweep(plan, kept), 7)
    assert [child.parameters for child in again] == [child.parameters for child in whole[28:]]


def test_without_any_metric_it_goes_on_at_random(plan: TaskPlan) -> None:
    sweep = Sweep(plan)
    for _ in range(26):
        child = sweep.next()
        assert child is not None
        sweep.ended(child.number, "error", {})
    assert sweep.outcome == "error"


def test_missing_optuna_is_said_with_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(SurroundingsError) as caught:
        bayesian.require_optuna()
    assert "localhai[optuna]" in caught.value.hints[0]
