"""What a client asks a task to be, made into a plan, and run by a thread of the server (wire.md E40)."""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Any, get_args

from msgspec import to_builtins

from localhai.project.checks.expression import GRAMMAR, fault
from localhai.records.queue import QueueEntry
from localhai.server.auth import require_own
from localhai.server.background import Beginning
from localhai.server.bodies import text, truth
from localhai.server.code import code_of, config_of
from localhai.server.errors import field
from localhai.server.requests import mapping, number, opened, options_of, overrides_of
from localhai.tasks.building import TaskFault, Wish, build
from localhai.tasks.plan import OnChildError, TaskType
from localhai.tasks.running import TaskObserver
from localhai.tasks.task import start_task
from localhai.tasks.variants import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from valohai_yaml.objs import Step

    from localhai.project.overrides import Overrides
    from localhai.records import Project
    from localhai.records.server import User
    from localhai.records.task_rows import TaskRecord
    from localhai.server.state import State
    from localhai.tasks.plan import TaskPlan

MOST_VALUES = 100_000  # of one parameter: they are made at once for some types


def create(state: State, user: User, project: Project, body: Mapping[str, Any]) -> TaskRecord:
    """Start a task. Raises Refused, ProjectError, UsageError for what is wrong with the request."""
    code = code_of(state, project, text(dict(body), "commit", "") or None)
    source = opened(state, project, code, creator=user.name)
    config = config_of(state, code)
    step = config.config.steps.get(text(dict(body), "step"))
    if step is None:
        raise field("step", f"The commit's valohai.yaml has no step {body['step']}.", "does_not_exist")
    plan = plan_of(body, step)
    varied = set(plan.names)
    single = {name: value for name, value in _single(body).items() if name not in varied}
    overrides = overrides_of({**body, "parameters": single, "title": None})
    options = options_of(state, project, source.settings, requester=user.id)
    require_own(state, user, project, _uris(step, overrides))

    def work(interruption: Any, recorded: Callable[[str], None]) -> object:
        return start_task(
            source,
            plan,
            config=config,
            snapshot=code,
            overrides=overrides,
            options=options,
            jobs=state.jobs,
            slots=state.queue.slots,
            observer=_Told(recorded),
            interruption=interruption,
        )

    entry = QueueEntry("", project.id, user.id, 0, {}, kind="task")
    return state.home.records.tasks.get(Beginning(state, "task", work, entry).recorded())


def _uris(step: Step, overrides: Overrides) -> Iterator[str]:
    """All that the step's inputs may name."""
    for uris in (*overrides.inputs.values(), *(item.default for item in step.inputs.values())):
        yield from [uris] if isinstance(uris, str) else uris or ()


def plan_of(body: Mapping[str, Any], step: Step) -> TaskPlan:
    """The plan of a task over a step. A parameter with one value does not vary. Raises Refused."""
    try:
        return build(_wish(body, step.name), step, seed=secrets.randbelow(2**31))
    except TaskFault as error:
        raise field(error.key.replace("-", "_"), _sentence(error)) from error
    except (ValueError, TypeError, OverflowError, ArithmeticError):
        raise field("parameters", "The rules of a parameter cannot be understood.") from None


class _Told(TaskObserver):
    def __init__(self, recorded: Callable[[str], None]) -> None:
        self._recorded = recorded

    def started(self, task: Mapping[str, Any]) -> None:
        self._recorded(str(task["id"]))


def _sentence(error: TaskFault) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def sweep_of(template: Mapping[str, Any]) -> dict[str, Any]:
    """What the template of a task node says of its sweep, as JSON values: fields of a Wish. Raises Refused."""
    found = to_builtins(_wish(template, ""))
    return {name: value for name, value in found.items() if name not in {"name", "parity", "notes"}}


def _wish(body: Mapping[str, Any], name: str) -> Wish:
    kind = _type(body)
    configuration = mapping(body, "configuration")
    sets = _sets(body, configuration)
    return Wish(
        name=text(dict(body), "title", name),
        type=kind,
        variants=[(name, item["style"], item["rules"]) for name, item in _variants(body).items()],
        sets=sets if kind == "manual_search" else (),
        execution_count=number(configuration, "execution_count") or None,
        batch_size=number(configuration, "execution_batch_size") or None,
        maximum_queued_executions=number(body, "maximum_queued_executions") or None,
        on_child_error=_on_child_error(body),
        stop_condition=_stop_condition(body),
        reuse_children=truth(dict(body), "allow_reuse", False),
        metric=text(configuration, "optimization_target_metric", "") or None,
        value=_target(configuration),
        engine=text(configuration, "engine", "") or None,
    )


def _type(body: Mapping[str, Any]) -> TaskType:
    given = text(dict(body), "type", "grid_search")
    for kind in get_args(TaskType):
        if kind == given:
            found: TaskType = kind
            return found
    raise field("type", f'"{given}" is not a valid choice.', "invalid_choice")


def _single(body: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with one value for all executions: as it is, or wrapped."""
    found: dict[str, Any] = {}
    for name, value in mapping(body, "parameters").items():
        if not isinstance(value, dict):
            found[name] = value
        elif value.get("style") == "single":
            found[name] = _rules(name, value).get("value")
    return found


def _variants(body: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, value in mapping(body, "parameters").items():
        if not isinstance(value, dict) or value.get("style") == "single":
            continue
        if value.get("style") not in STYLES:
            raise field("parameters", f"{name}: a style is one of {', '.join(STYLES)}.")
        found[name] = {"style": value["style"], "rules": _rules(name, value)}
        _refuse_many(name, found[name])
    return found


def _rules(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    rules = value.get("rules")
    if not isinstance(rules, dict):
        raise field("parameters", f"{name}: rules are needed, as an object.")
    return rules


def _refuse_many(name: str, item: Mapping[str, Any]) -> None:
    rules = item["rules"]
    count = _finite(rules.get("count")) or 0
    if item["style"] == "linear" and ("step" in rules or "count" not in rules):
        start, end, step = (_finite(rules.get(key)) for key in ("start", "end", "step"))
        count = abs((end or 0) - (start or 0)) / abs(step or 1)
    if not count <= MOST_VALUES:
        raise field("parameters", f"{name}: at most {MOST_VALUES} values of a parameter.")


def _finite(value: Any) -> float | None:
    """None for what is no number: who reads the rules says so."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 2**1000 and math.isfinite(value) else math.inf


def _sets(body: Mapping[str, Any], configuration: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = body.get("parameter_sets") or configuration.get("parameter_sets") or []
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise field("parameter_sets", "Expected a list of objects.")
    return found


def _on_child_error(body: Mapping[str, Any]) -> Any:
    """None where it is not said. Written with underscores by the platform, with hyphens by valohai.yaml."""
    given = text(dict(body), "on_child_error", "").replace("_", "-")
    if given and given not in get_args(OnChildError):
        raise field("on_child_error", f'"{given}" is not a valid choice.', "invalid_choice")
    return given or None


def _stop_condition(body: Mapping[str, Any]) -> str | None:
    name = "task_stop_expression" if body.get("task_stop_expression") else "stop_expression"
    given = text(dict(body), name, "")
    reason = fault(given) if given else None
    if reason is not None:
        raise field(name, f"{given!r} is not an expression: {reason}; {GRAMMAR}")
    return given or None


def _target(configuration: Mapping[str, Any]) -> float | None:
    given = configuration.get("optimization_target_value")
    if given is None or given == "":
        return None
    try:
        value = math.nan if isinstance(given, (bool, list, dict)) else float(given)
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise field("configuration", "optimization_target_value: a number is needed.")
    return value
