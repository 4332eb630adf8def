"""From a blueprint to a plan, and from a plan to parameter sets."""

from __future__ import annotations

import json
import tracemalloc
from itertools import product
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from localhai.errors import ProjectError, SurroundingsError, UsageError
from localhai.project.config import load_config
from localhai.system import strict_json
from localhai.tasks.blueprint import plan_blueprint
from localhai.tasks.building import TaskFault, Wish, build, check
from localhai.tasks.plan import Target, TaskPlan
from localhai.tasks.sweep import ParameterSets
from localhai.tasks.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from valohai_yaml.objs import Step

    Make = Callable[..., TaskPlan]


@pytest.fixture
def step(plan_of: Make, tmp_path: Path) -> Step:
    """The step that the plans are of."""
    plan_of()
    return load_config(tmp_path / "valohai.yaml").config.steps["train"]


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


KNOWN = "known parameters: lr, epochs, kind"
GOAL = {"optimization_target_metric": "loss", "optimization_target_value": 0.0}
LOGSPACE = ("logspace", {"start": 1, "end": 2})


@pytest.mark.parametrize(
    ("keys", "message", "hint", "source"),
    [
        (
            {"parameters": {"lr": LOGSPACE}},
            "parameter lr has the style logspace, which needs `count` in its rules",
            None,
            "name: lr",
        ),
        (
            {"type": "manual_search", "parameters": {"kind": ["a"], "lr": LOGSPACE}},
            "parameter lr has the style logspace, which needs `count` in its rules",
            None,
            "name: lr",
        ),
        (
            {"type": "random_search", "execution_count": 3, "parameters": {"lr": ("random", {"min": 1})}},
            "parameter lr has the style random, which needs `max` in its rules",
            None,
            "name: lr",
        ),
        ({"parameters": {"speed": [1]}}, "step train has no parameter 'speed'", KNOWN, "name: speed"),
        (
            {"parameters": {"lr": [1], "epoch": [1]}},
            "step train has no parameter 'epoch'",
            "did you mean epochs?",
            "name: epoch",
        ),
        (
            {"type": "random_search", "parameters": {"lr": [1]}},
            "random_search needs to know how many executions to make",
            "add `execution-count: 50` to the task",
            "sweep",
        ),
        (
            {"execution-count": 0, "type": "random_search"},
            "execution-count is 0: it must be at least 1",
            None,
            "execution-count: 0",
        ),
        (
            {"type": "bayesian_tpe", "execution-batch-size": 0},
            "execution-batch-size is 0: it must be at least 1",
            None,
            "execution-batch-size: 0",
        ),
        (
            {"maximum-queued-executions": 0, "parameters": {"lr": [1]}},
            "maximum-queued-executions is 0: it must be at least 1",
            None,
            "maximum-queued-executions: 0",
        ),
        ({"type": "manual_search"}, "manual_search has no parameter sets", None, "sweep"),
        (
            {"type": "bayesian_tpe", "execution-count": 5},
            "bayesian_tpe needs optimization-target-metric and optimization-target-value",
            "say which metric should come close to which value",
            "sweep",
        ),
        (
            {"type": "bayesian_tpe", "execution-count": 5, "optimization_target_metric": "loss"},
            "bayesian_tpe needs optimization-target-value",
            "say which metric should come close to which value",
            "sweep",
        ),
        ({"type": "bayesian_tpe", "execution-count": 5, **GOAL}, "bayesian_tpe needs parameters that vary", None, ""),
        ({"parameters": {"lr": []}}, "parameter lr has no values", None, "name: lr"),
        (
            {"type": "random_search", "execution_count": 2, "parameters": {"kind": []}},
            "parameter kind has no values",
            None,
            "name: kind",
        ),
        (
            {"type": "distributed"},
            "a distributed task needs to know its members",
            "add `execution-count: 2` to the task",
            "sweep",
        ),
        (
            {"type": "distributed", "execution_count": 3, "parameters": {"kind": ["small"], "lr": [1, 2]}},
            "parameter lr has 2 values for 3 members",
            "give one value for all, or one for each",
            "name: lr",
        ),
        (
            {"type": "distributed", "execution_count": 3, "maximum_queued_executions": 2},
            "maximum-queued-executions is 2, but all 3 members start together",
            "remove it",
            "maximum-queued-executions: 2",
        ),
    ],
)
def test_what_cannot_be_meant_is_said_with_its_place(
    plan_of: Make, keys: dict[str, object], message: str, hint: str | None, source: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        plan_of(**keys)
    assert (caught.value.message, caught.value.where) == (message, "task sweep")
    (problem,) = caught.value.problems
    assert (problem.severity, problem.message, problem.code, problem.hint) == ("error", message, "task", hint)
    assert problem.position is not None
    assert problem.position.line > 9  # in the task, not in the step above it
    assert source in problem.position.source


def test_a_parameter_that_varies_twice_is_refused(step: Step) -> None:
    item = ("lr", "multiple", {"items": [1]})
    with pytest.raises(TaskFault, match=r"^parameter lr varies twice$") as refused:
        build(Wish("sweep", "grid_search", variants=[item, ("kind", "multiple", {"items": [1]}), item]), step, seed=1)
    assert (refused.value.key, refused.value.parameter) == ("parameters", "lr")
    assert refused.value.hint == "give all its values at once"


def test_a_task_is_found_by_the_beginning_of_its_name(plan_of: Make, tmp_path: Path) -> None:
    plan_of()
    config = load_config(tmp_path / "valohai.yaml")
    assert plan_blueprint(config, "swe", seed=1).name == "sweep"
    with pytest.raises(UsageError, match="there is no task 'other'"):
        plan_blueprint(config, "other", seed=1)


def test_a_plan_has_all_that_the_task_says(plan_of: Make) -> None:
    plan = plan_of(
        type="bayesian_tpe",
        execution_count=30,
        execution_batch_size=4,
        maximum_queued_executions=3,
        on_child_error="continue-and-complete",
        stop_condition="loss < 1",
        reuse_children=True,
        engine="optuna",
        parameters={"lr": ("random", {"min": 0.0, "max": 1.0})},
        **GOAL,
    )
    assert (plan.name, plan.step, plan.type, plan.count, plan.seed) == ("sweep", "train", "bayesian_tpe", 30, 7)
    assert plan.variants == (Variant("lr", "random", {"min": 0.0, "max": 1.0}, "float"),)
    assert (plan.batch_size, plan.maximum_queued_executions) == (4, 3)
    assert (plan.on_child_error, plan.stop_condition, plan.reuse_children) == (
        "continue-and-complete",
        "loss < 1",
        True,
    )
    assert (plan.target, plan.engine, plan.sets, plan.notes) == (Target("loss", 0.0), "optuna", (), ())
    assert {note.key for note in plan.parity} >= {"type", "engine", "stop-condition"}


def test_a_plan_has_defaults_for_what_the_task_leaves_open(plan_of: Make) -> None:
    plan = plan_of(parameters={"lr": [1, 2]})
    assert (plan.batch_size, plan.maximum_queued_executions, plan.on_child_error) == (5, None, "continue-and-error")
    assert (plan.stop_condition, plan.reuse_children, plan.target, plan.engine) == (None, False, None, None)
    assert plan.names == ("lr",)


def test_the_number_of_random_executions_is_the_largest_that_a_rule_counts(plan_of: Make) -> None:
    ranges = {name: ("random", {"min": 1, "max": 9, "count": count}) for name, count in (("lr", 3), ("epochs", 8))}
    assert plan_of(type="random_search", parameters={**ranges, "kind": ["small"]}).count == 8
    assert plan_of(type="random_search", parameters=ranges, execution_count=2).count == 2


def test_what_each_member_of_a_distributed_task_is_given(plan_of: Make) -> None:
    plan = plan_of(type="distributed", parameters={"kind": ["small"], "epochs": [1, 2, 3]}, maximum_queued_executions=3)
    assert (plan.count, plan.variants) == (3, ())
    assert plan.sets == tuple({"kind": "small", "epochs": number} for number in (1, 2, 3))
    assert sets(plan) == list(plan.sets)
    assert sets(plan_of(type="distributed", execution_count=2)) == [{}, {}]
    assert plan_of(type="distributed", execution_count=1, parameters={"lr": [1]}).sets == ({"lr": 1},)


def test_manual_values_and_sets_are_filled_in_by_their_place(step: Step) -> None:
    variants = [
        ("epochs", "multiple", {"items": [1, 2, 3]}),
        ("kind", "single", {"value": "small"}),
        ("lr", "multiple", {"items": [0.1]}),
    ]
    wish = Wish("sweep", "manual_search", variants, [{"LR": 0.5}, {"epochs": 7}], notes=["before"])
    plan = build(wish, step, seed=1)
    assert sets(plan) == [
        {"epochs": 1, "kind": "small", "lr": 0.5},
        {"epochs": 7, "kind": "small"},
        {"epochs": 3, "kind": "small"},
    ]
    said = (
        "2 of 3 parameter sets lack some of the parameters: they take the step's defaults."
        " The platform would mix values of different sets"
    )
    assert plan.notes == ("before", said)
    with pytest.raises(TaskFault, match=r"^step train has no parameter 'x'$"):
        build(Wish("sweep", "manual_search", sets=[{"x": 0.5}]), step, seed=1)


def test_of_a_step_without_parameters_nothing_can_vary(step: Step) -> None:
    step.parameters.clear()
    with pytest.raises(TaskFault, match=r"^step train has no parameter 'lr'$") as refused:
        build(Wish("sweep", "grid_search", variants=[("lr", "single", {"value": 1})]), step, seed=1)
    assert refused.value.hint == "it has no parameters"


def test_members_end_together_unless_the_task_says_otherwise(step: Step) -> None:
    wish = Wish("sweep", "distributed", execution_count=2)
    assert build(wish, step, seed=1).on_child_error == "stop-all-and-error"
    assert build(replace(wish, on_child_error="continue-and-complete"), step, seed=1).on_child_error == (
        "continue-and-complete"
    )


def test_two_values_are_those_of_two_members(plan_of: Make) -> None:
    assert sets(plan_of(type="distributed", parameters={"lr": [1, 2]})) == [{"lr": 1}, {"lr": 2}]


@pytest.mark.parametrize("number", [-1, 4])
def test_there_is_no_set_beyond_the_last(plan_of: Make, number: int) -> None:
    with pytest.raises(IndexError):
        ParameterSets(plan_of(parameters={"epochs": [1, 2, 3, 4]}))[number]


def test_a_grid_changes_its_last_parameter_fastest(plan_of: Make) -> None:
    plan = plan_of(parameters={"lr": [0.1, 0.2], "epochs": [1, 2, 3], "kind": ["small", "large"]})
    assert len(ParameterSets(plan)) == 12
    assert ParameterSets(plan)[3] == {"lr": 0.1, "epochs": 2, "kind": "large"}
    assert list(ParameterSets(plan)[7]) == ["lr", "epochs", "kind"]
    assert ParameterSets(plan)[11] == {"lr": 0.2, "epochs": 3, "kind": "large"}


def test_random_values_of_a_grid_are_drawn_once(plan_of: Make) -> None:
    parameters = {"lr": ("random", {"min": 0.0, "max": 1.0, "count": 3}), "epochs": [1, 2]}
    found = sets(plan_of(parameters=parameters))
    assert len({entry["lr"] for entry in found}) == 3
    assert found == sets(plan_of(parameters=parameters))
    assert found != sets(plan_of(seed=8, parameters=parameters))


def test_sets_that_stand_for_all_are_looked_at_before_anything_starts(plan_of: Make) -> None:
    def looked_at(plan: TaskPlan) -> list[object]:
        found: list[object] = []
        check(plan, found.append)
        return found

    grid = plan_of(parameters={"epochs": ("linear", {"start": 1, "end": 9, "step": 1}), "kind": ["small", "large"]})
    assert looked_at(grid) == [
        {"epochs": 1, "kind": "small"},
        {"epochs": 2, "kind": "small"},
        {"epochs": 9, "kind": "small"},
        {"epochs": 1, "kind": "large"},
    ]
    manual = plan_of(type="manual_search", **{"parameter-sets": [{"lr": 0.1}, {"lr": 0.2}]})
    assert looked_at(manual) == [{"lr": 0.1}, {"lr": 0.2}]
    drawn = plan_of(type="random_search", execution_count=9, parameters={"lr": ("random", {"min": 0.5, "max": 2.5})})
    first = ParameterSets(drawn)[0]
    assert looked_at(drawn) == [first, {"lr": 0.5}, {"lr": 2.5}]
    once = plan_of(parameters={"lr": ("random", {"min": 0.5, "max": 2.5, "count": 3})})
    assert looked_at(once) == sets(once), "what was drawn, not what might have been"


def test_without_an_optimiser_nothing_of_a_search_is_looked_at(plan_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "optuna" else name)
    varied = {"lr": ("random", {"min": 0.5, "max": 2.5})}
    search = plan_of(type="bayesian_tpe", execution_count=3, parameters=varied, **GOAL)
    with pytest.raises(SurroundingsError, match="Optuna"):
        check(search, lambda _entry: pytest.fail("it was planned"))
    looked_at: list[object] = []
    check(plan_of(parameters={"epochs": [1]}), looked_at.append)
    assert looked_at == [{"epochs": 1}]
