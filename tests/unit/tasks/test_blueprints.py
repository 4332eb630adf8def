"""What is wrong with a task of valohai.yaml is said before anything starts, with its place in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localhai.errors import ProjectError
from localhai.project.config import load_config
from localhai.tasks.blueprint import plan_blueprint
from localhai.tasks.building import MOST_PROBES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localhai.errors import Problem
    from localhai.tasks.plan import TaskPlan

    Make = Callable[..., TaskPlan]


def refused(plan_of: Make, **keys: Any) -> tuple[ProjectError, list[Problem]]:
    with pytest.raises(ProjectError) as caught:
        plan_of(**keys)
    assert caught.value.where == "task sweep"
    return caught.value, list(caught.value.problems)


def source(problem: Problem) -> str:
    assert problem.position is not None
    return problem.position.source.strip()


def test_a_step_that_is_not_there(plan_of: Make) -> None:
    error, (problem,) = refused(plan_of, step="trian")
    assert error.message == "task sweep has 1 error"
    assert (problem.severity, problem.message) == ("error", "there is no step 'trian'")
    assert source(problem) == "step: trian"


@pytest.mark.parametrize("key", ["time-limit: '5'", "stop-condition: ((loss"])
def test_what_is_wrong_with_the_step_is_said_of_the_step(plan_of: Make, tmp_path: Path, key: str) -> None:
    plan_of()
    path = tmp_path / "valohai.yaml"
    path.write_text(path.read_text().replace("name: train\n", f"name: train\n    {key}\n"))
    with pytest.raises(ProjectError, match=r"^step train has 1 error$") as caught:
        plan_blueprint(load_config(path), "sweep", seed=1)
    assert source(caught.value.problems[0]) == key


@pytest.mark.parametrize(
    ("keys", "message", "line"),
    [
        ({"parameters": {"EPOCHS": ["many"]}}, "parameter epochs: 'many' is not an integer", "- many"),
        (
            {"type": "manual_search", "parameter_sets": [{"kind": "small"}, {"LR": "high"}]},
            "parameter lr: 'high' is not a number",
            "- LR: high",
        ),
    ],
)
def test_a_value_that_the_step_does_not_take(plan_of: Make, keys: dict[str, Any], message: str, line: str) -> None:
    error, (problem,) = refused(plan_of, **keys)
    assert error.message == "step train does not take 1 of the values of task sweep"
    assert (problem.message, source(problem)) == (message, line)


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
    assert {(problem.severity, problem.code) for problem in problems} == {("error", "wrong-value")}
    assert caught.value.where == "task sweep"
    sources = [problem.position.source.strip() for problem in problems if problem.position is not None]
    assert sources[1] == "- huge"
    assert len(sources) == 3


def test_a_single_value_that_the_step_does_not_take_is_said_with_its_place(plan_of: Make) -> None:
    with pytest.raises(ProjectError, match="does not take 1 of the values") as caught:
        plan_of(parameters={"lr": [1], "kind": ("single", {"value": 9})})
    (problem,) = caught.value.problems
    assert problem.message == "parameter kind: '9' is not one of 'small', 'large'"
    assert problem.position is not None
    assert problem.position.source.strip() == "value: 9"


def test_a_manual_set_with_a_wrong_value_is_said_with_its_place(plan_of: Make) -> None:
    with pytest.raises(ProjectError) as caught:
        plan_of(type="manual_search", **{"parameter-sets": [{"epochs": 1}, {"epochs": "many"}]})
    position = caught.value.problems[0].position
    assert position is not None
    assert "many" in position.source


def test_the_place_of_a_single_value_is_that_of_the_value(plan_of: Make) -> None:
    _, (problem,) = refused(plan_of, parameters={"kind": ("single", {"value": 9})})
    assert problem.position is not None
    assert problem.position.source[problem.position.column - 1 :] == "9"


def test_parameter_sets_are_those_of_a_manual_search(plan_of: Make) -> None:
    plan = plan_of(parameters={"epochs": [1, 2]}, parameter_sets=[{"epochs": "many"}])
    assert (plan.count, plan.sets) == (2, ())


def test_of_a_range_for_integers_the_integers_in_it_are_looked_at(plan_of: Make) -> None:
    between = ("random", {"min": 0.5, "max": 2.5})
    assert plan_of(type="random_search", execution_count=3, parameters={"epochs": between}).count == 3


def test_what_a_long_list_holds_is_seen_when_its_execution_is_planned(plan_of: Make) -> None:
    """So that a sweep of millions begins at once."""
    most = ["small"] * MOST_PROBES
    assert plan_of(parameters={"kind": [*most, "huge"]}).count == MOST_PROBES + 1
    refused(plan_of, parameters={"kind": [*most[1:], "huge"]})


@pytest.mark.parametrize(
    ("keys", "message", "line"),
    [
        (
            "parameters: [{style: multiple,\n name: kind,\n rules: {items: []}}]",
            "parameter kind has no values",
            "name: kind,",
        ),
        (
            "parameters: [{style: multiple,\n name: KIND,\n rules: {items: []}}]",
            "parameter kind has no values",
            "name: KIND,",
        ),
        (
            "type: random_search\nparameters: [{style: multiple,\n name: LR,\n rules: {items: []}}]",
            "parameter lr has no values",
            "name: LR,",
        ),
        (
            "type: manual_search\nparameter-sets: [{lr: 1},\n {speed: 1}]",
            "step train has no parameter 'speed'",
            "{speed: 1}]",
        ),
        ("type: manual_search\nparameter-sets: []", "manual_search has no parameter sets", "parameter-sets: []"),
    ],
)
def test_the_key_to_blame_is_shown(plan_of: Make, tmp_path: Path, keys: str, message: str, line: str) -> None:
    plan_of()
    path = tmp_path / "valohai.yaml"
    step = path.read_text().partition("- task:")[0]
    path.write_text(step + "- task:\n    name: sweep\n    step: train\n    " + keys.replace("\n", "\n    ") + "\n")
    with pytest.raises(ProjectError) as caught:
        plan_blueprint(load_config(path), "sweep", seed=1)
    (problem,) = caught.value.problems
    assert (problem.message, source(problem)) == (message, line)
