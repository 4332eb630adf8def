"""From a blueprint to a plan, and from a plan to parameter sets."""

from __future__ import annotations

import json
import tracemalloc
from itertools import product
from typing import TYPE_CHECKING

import pytest

from localhai.errors import ProjectError
from localhai.system import strict_json
from localhai.tasks.plan import TaskPlan
from localhai.tasks.sets import ParameterSets

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., TaskPlan]


def sets(plan: TaskPlan) -> list[dict[str, object]]:
    return [ParameterSets(plan)[number] for number in range(plan.count)]


def test_a_grid_is_the_product_of_all_values_in_order(plan_of: Make) -> None:
    plan = plan_of(parameters={"lr": [0.1, 0.2], "epochs": ("linear", {"start": 1, "end": 3, "step": 1})})
    assert plan.type == "grid_search"
    assert plan.count == 6
    assert sets(plan) == [{"lr": lr, "epochs": epochs} for lr, epochs in product([0.1, 0.2], [1, 2, 3])]


def test_a_task_without_variants_is_one_execution(plan_of: Make) -> None:
    assert sets(plan_of()) == [{}]


def test_a_grid_of_a_million_is_not_held_in_memory(plan_of: Make) -> None:
    thousand = ("linear", {"start": 1, "end": 1000, "step": 1})
    plan = plan_of(parameters={"lr": thousand, "epochs": thousand})
    tracemalloc.start()
    found = ParameterSets(plan)
    total = sum(found[number]["epochs"] for number in range(0, plan.count, 97))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert plan.count == 1_000_000
    assert total > 0
    assert peak < 2_000_000


def test_random_sets_depend_on_the_seed_and_the_number_alone(plan_of: Make) -> None:
    parameters = {"lr": ("random", {"min": 0.0, "max": 1.0}), "kind": ["small", "large"]}
    plan = plan_of(type="random_search", execution_count=40, parameters=parameters)
    assert plan.count == 40
    assert sets(plan) == sets(strict_json.convert(json.loads(json.dumps(plan.to_dict())), TaskPlan))
    assert sets(plan) != sets(plan_of(seed=8, type="random_search", execution_count=40, parameters=parameters))
    assert {entry["kind"] for entry in sets(plan)} == {"small", "large"}
    longer = plan_of(type="random_search", execution_count=50, parameters=parameters)
    assert sets(longer)[:40] == sets(plan)


def test_a_seed_in_the_rules_beats_that_of_the_task(plan_of: Make) -> None:
    parameters = {"lr": ("random", {"min": 0.0, "max": 1.0, "seed": 5})}
    plans = [plan_of(seed=seed, type="random_search", execution_count=3, parameters=parameters) for seed in (1, 2)]
    assert sets(plans[0]) == sets(plans[1])


def test_manual_parameters_go_together_by_their_place(plan_of: Make) -> None:
    plan = plan_of(
        type="manual_search",
        parameters={"kind": ["small", "large"], "epochs": [1, 2], "lr": ("single", {"value": 0})},
    )
    assert sets(plan) == [{"kind": "small", "epochs": 1, "lr": 0}, {"kind": "large", "epochs": 2, "lr": 0}]
    assert plan.notes == ()


def test_parameter_sets_stay_as_they_are_and_gaps_are_said(plan_of: Make) -> None:
    plan = plan_of(type="manual_search", parameter_sets=[{"lr": 0.1, "epochs": 2}, {}, {"lr": 0.3}])
    assert sets(plan) == [{"lr": 0.1, "epochs": 2}, {"lr": 0.3}]
    assert plan.names == ("lr", "epochs")
    assert "1 of 2 parameter sets lack" in plan.notes[0]


def test_a_bayesian_task_begins_at_random(plan_of: Make) -> None:
    plan = plan_of(
        type="bayesian-tpe",
        execution_count=30,
        optimization_target_metric="loss",
        optimization_target_value=0,
        engine="hyperopt",
        parameters={"lr": ("random", {"min": 0.0, "max": 1.0})},
    )
    assert len({ParameterSets(plan)[number]["lr"] for number in range(20)}) == 20
    with pytest.raises(IndexError):
        ParameterSets(plan)[20]
    assert [note.key for note in plan.parity if note.level != "emulated"] == ["type", "engine"]


@pytest.mark.parametrize(
    ("keys", "message", "source"),
    [
        ({"parameters": {"lr": ("logspace", {"start": 1, "end": 2})}}, "parameter lr has the style logspace", "lr"),
        ({"parameters": {"speed": [1]}}, "step train has no parameter 'speed'", "speed"),
        ({"type": "random_search", "parameters": {"lr": [1]}}, "how many executions", "sweep"),
        ({"execution-count": 0, "type": "random_search"}, "execution-count is 0", "execution-count: 0"),
        ({"type": "manual_search"}, "no parameter sets", ""),
        ({"type": "bayesian_tpe", "execution-count": 5}, "optimization-target-metric and", ""),
        ({"parameters": {"lr": []}}, "parameter lr has no values", "lr"),
    ],
)
def test_what_cannot_be_meant_is_said_with_its_place(
    plan_of: Make, keys: dict[str, object], message: str, source: str
) -> None:
    with pytest.raises(ProjectError, match=message) as caught:
        plan_of(**keys)
    position = caught.value.problems[0].position
    assert position is not None
    assert position.line > 9  # in the task, not in the step above it
    assert source in position.source or source == "sweep"


def test_values_that_the_step_does_not_take_are_all_said_with_their_places(plan_of: Make) -> None:
    with pytest.raises(ProjectError, match="step train does not take 3 of the values of task sweep") as caught:
        plan_of(
            parameters={
                "lr": [0.1, "high"],
                "kind": ["small", "huge"],
                "epochs": ("linear", {"start": 1, "end": 2, "step": 0.5}),
            }
        )
    problems = caught.value.problems
    assert [problem.message for problem in problems] == [
        "parameter lr: 'high' is not a number",
        "parameter kind: 'huge' is not one of 'small', 'large'",
        "parameter epochs: 1.0 is not an integer",
    ]
    assert problems[0].position is not None
    assert "high" in problems[0].position.source
    assert problems[1].hint == "kind: string, one of small, large"


def test_a_manual_set_with_a_wrong_value_is_said_with_its_place(plan_of: Make) -> None:
    with pytest.raises(ProjectError) as caught:
        plan_of(type="manual_search", **{"parameter-sets": [{"epochs": 1}, {"epochs": "many"}]})
    position = caught.value.problems[0].position
    assert position is not None
    assert "many" in position.source
