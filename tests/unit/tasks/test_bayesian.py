"""A Bayesian search: random at first, then in batches that learn, and the same again on a resume (platform.md 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from localhai.errors import SurroundingsError
from localhai.tasks import bayesian
from localhai.tasks.sweep import Ended, Sweep
from localhai.tasks.variants import Variant

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


def test_without_optuna_the_extra_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "optuna" else name)
    with pytest.raises(SurroundingsError) as missing:
        bayesian.require_optuna()
    assert missing.value.message == "a Bayesian task needs Optuna, which is not installed"
    assert missing.value.hints == ('install it: pip install "localhai[optuna]"',)


@pytest.mark.parametrize(
    ("style", "rules", "kind", "expected"),
    [
        ("random", {"min": 0.5, "max": 3.5}, "float", FloatDistribution(0.5, 3.5)),
        ("random", {"min": 0.5, "max": 3.5}, "integer", IntDistribution(1, 3)),
        ("random", {"min": 1, "max": 9, "distribution": "loguniform"}, "float", FloatDistribution(1, 9, log=True)),
        ("random", {"min": 1, "max": 9, "distribution": "loguniform"}, "integer", IntDistribution(1, 9, log=True)),
        ("linear", {"start": 1, "end": 9, "step": 2}, "integer", IntDistribution(0, 4)),
        ("multiple", {"items": [1, 2.5, 4]}, "float", IntDistribution(0, 2)),
        ("multiple", {"items": [4, 2.5, 1]}, "float", IntDistribution(0, 2)),
        ("multiple", {"items": [1, 4, 2]}, "float", CategoricalDistribution(range(3))),
        ("multiple", {"items": ["a", "b"]}, "string", CategoricalDistribution(range(2))),
        ("multiple", {"items": [False, True]}, "flag", CategoricalDistribution(range(2))),
        ("multiple", {"items": [1, "b"]}, "string", CategoricalDistribution(range(2))),
    ],
)
def test_near_places_are_near_values_where_there_is_an_order(style: str, rules: Any, kind: str, expected: Any) -> None:
    axis = bayesian._Axis("n", Variant("n", style, rules, kind).domain())
    assert axis.name == "n"
    assert axis.distribution() == expected


def test_places_and_values_lead_to_one_another() -> None:
    listed = bayesian._Axis("n", Variant("n", "multiple", {"items": ["a", "b"]}).domain())
    assert (listed.place("b"), listed.value(1)) == (1, "b")
    span = bayesian._Axis("n", Variant("n", "random", {"min": 1, "max": 2}, "float").domain())
    assert (span.place(1.5), span.value(1.5)) == (1.5, 1.5)


def test_a_proposal_depends_on_the_plan_and_on_what_came_before_alone(plan: TaskPlan) -> None:
    before = [
        bayesian.Tried(
            {"lr": float(number), "epochs": 1 + number % 9, "kind": "small"}, abs(number - 7.0) if number else None
        )
        for number in range(11)
    ]
    first = bayesian.propose(plan, before, 20)
    assert len(first) == 6
    assert all(set(found) == {"lr", "epochs", "kind"} for found in first)
    assert bayesian.propose(plan, before, 20) == first
    assert bayesian.propose(plan, before, 26) != first
    assert bayesian.propose(replace(plan, seed=8), before, 20) != first
    assert bayesian.propose(plan, before[:5], 20) != first
    assert len(bayesian.propose(plan, before, 48)) == 2, "no more than the task has"
    foreign = [bayesian.Tried({"lr": 1.0}, 0.0), bayesian.Tried({"lr": 1.0, "epochs": 99, "kind": "small"}, 0.0)]
    assert bayesian.propose(plan, [*before, *foreign], 20) == first, "sets that the plan cannot have made"
