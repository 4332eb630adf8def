"""A task of valohai.yaml as a TaskPlan (platform.md 1.7). Pure."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from localhai.errors import Problem, ProjectError
from localhai.project import parameters, parity
from localhai.project.faulty import find_sound, refuse_faulty
from localhai.project.names import find_by_option
from localhai.tasks.building import MOST_PROBES, TaskFault, Wish, build, find_parameter
from localhai.tasks.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from valohai_yaml.objs import Config, Step
    from valohai_yaml.objs.task import Task

    from localhai.errors import Position
    from localhai.project.config import ProjectConfig
    from localhai.tasks.plan import TaskPlan


def find_task(config: Config, wanted: str) -> Task:
    """The task with this name, or the only one whose name begins with it. Raises UsageError, ProjectError."""
    found: Task = config.tasks[find_sound(config, "task", wanted)]
    return found


def plan_blueprint(config: ProjectConfig, name: str, *, seed: int) -> TaskPlan:
    """The plan of the task of this name. Raises UsageError for the name, ProjectError for the rest."""
    task = find_task(config.config, name)
    refuse_faulty(config.config, "step", task.step)
    step = config.config.steps[task.step]
    where = f"task {task.name}"
    try:
        plan = plan_task(task, step, seed=seed)
    except TaskFault as fault:
        position = _position(config, task, fault.key, fault.parameter)
        problem = Problem("error", fault.message, "task", position, fault.hint or None)
        raise ProjectError(fault.message, problems=[problem], where=where) from fault
    _check_values(config, task, step)
    return plan


def _check_values(config: ProjectConfig, task: Task, step: Step) -> None:
    """Whether the step's parameters take the values that the task gives them. Raises ProjectError with all that not."""
    start = config.positions.item({"task"}, task.name)
    found: dict[tuple[Any, ...], Problem] = {}
    for path, name, value in islice(_values(task, step), MOST_PROBES):
        parameter = step.parameters[name]
        reason = parameters.fault(parameter, value)
        if reason is not None and path not in found:
            hint = f"{name}: {parameters.takes(parameter)}"
            position = config.positions.value((*start, *path))
            found[path] = Problem("error", f"parameter {name}: {reason}", "wrong-value", position, hint)
    if found:
        message = f"step {step.name} does not take {len(found)} of the values of task {task.name}"
        raise ProjectError(message, problems=list(found.values()), where=f"task {task.name}")


def _values(task: Task, step: Step) -> Iterator[tuple[tuple[Any, ...], str, Any]]:
    """Where in the task what value stands for which parameter; of a range its ends."""
    for number, entry in enumerate(task.parameter_sets if task.type.value == "manual_search" else ()):
        for name, value in entry.items():
            yield ("parameter-sets", number, name), find_parameter(step, str(name)), value
    for number, item in enumerate(task.parameters):
        name = find_parameter(step, item.name)
        rules, style = ("parameters", number, "rules"), item.style.value
        if style == "multiple":
            yield from (((*rules, "items", place), name, value) for place, value in enumerate(item.rules["items"]))
        elif style == "single":
            yield (*rules, "value"), name, item.rules.get("value")
        else:
            variant = Variant(name, style, item.rules, str(step.parameters[name].type))
            yield from ((rules, name, value) for value in variant.domain().probes())


def plan_task(task: Task, step: Step, *, seed: int) -> TaskPlan:
    """As `plan_blueprint`, from the parsed objects. Raises TaskFault."""
    return build(blueprint_wish(task), step, seed=seed)


def blueprint_wish(task: Task) -> Wish:
    """What valohai.yaml says of a task."""
    return Wish(
        name=task.name,
        type=task.type.value,
        variants=[(item.name, item.style.value, item.rules) for item in task.parameters],
        sets=task.parameter_sets,
        execution_count=task.execution_count,
        batch_size=task.execution_batch_size,
        maximum_queued_executions=task.maximum_queued_executions,
        on_child_error=task.on_child_error.value if task.on_child_error else None,
        stop_condition=task.stop_condition,
        reuse_children=bool(task.reuse_children),
        metric=task.optimization_target_metric,
        value=task.optimization_target_value,
        engine=task.engine,
        parity=parity.notes("task", task.serialize()),
    )


def _position(config: ProjectConfig, task: Task, key: str, parameter: str | None = None) -> Position:
    place = () if parameter is None else _place(task, key, parameter)
    return config.positions.value((*config.positions.item({"task"}, task.name), key, *place))


def _place(task: Task, key: str, parameter: str) -> tuple[int, str]:
    """Where below this key a parameter is named first, in whichever spelling."""
    if key == "parameter-sets":
        sets = enumerate(task.parameter_sets)
        return next((number, name) for number, entry in sets for name in entry if str(name) == parameter)
    items = enumerate(task.parameters)
    return next((number, "name") for number, item in items if find_by_option(item.name, [parameter]))
