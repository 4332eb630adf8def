"""What a client asks a task to be, made into a plan (wire.md E40)."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, to_builtins
from msgspec.structs import fields
from valohai_yaml.objs import Step

from localhai.project.checks.expression import GRAMMAR, fault
from localhai.server.api.executions_body import StepBody
from localhai.server.bodies import Flag, Number, Reads, Text, as_it_is, decode, mapping, objects, shaped, text
from localhai.server.errors import Refused, field
from localhai.tasks.building import TaskFault, Wish, build
from localhai.tasks.plan import TaskPlan, TaskType
from localhai.tasks.variants import STYLES
from localhai.vocabulary import OnChildError

MOST_VALUES = 100_000  # of one parameter: they are made at once for some types


class VariantBody(Struct):
    """What values a parameter has. A plain value is `single`."""

    style: Literal["linear", "logspace", "multiple", "random", "single"]
    rules: dict[str, Any]


def _variants(name: str, given: Any) -> dict[str, VariantBody]:
    found: dict[str, VariantBody] = {}
    for key, value in mapping(name, given).items():
        if not isinstance(value, dict):
            found[key] = VariantBody("single", {"value": value})
            continue
        style, rules = value.get("style"), value.get("rules")
        if style not in STYLES:
            raise field(name, f"{key}: a style is one of {', '.join(STYLES)}.")
        if not isinstance(rules, dict):
            raise field(name, f"{key}: rules are needed, as an object.")
        found[key] = VariantBody(style, rules)
        if _count(found[key]) > MOST_VALUES:
            raise field(name, f"{key}: at most {MOST_VALUES} values of a parameter.")
    return found


def _count(item: VariantBody) -> float:
    """How many values it has, as far as that can be said; `inf` for what cannot be counted."""
    if item.style == "single":
        return 1
    rules = item.rules
    count = _finite(rules.get("count")) or 0
    if item.style == "linear" and ("step" in rules or "count" not in rules):
        start, end, step = (_finite(rules.get(key)) for key in ("start", "end", "step"))
        count = abs((end or 0) - (start or 0)) / abs(step or 1)
    return math.inf if math.isnan(count) else count


def _finite(value: Any) -> float | None:
    """None for what is no number: who reads the rules says so."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 2**1000 and math.isfinite(value) else math.inf


def _type(name: str, value: Any) -> Any:
    given = text(name, value)
    if given is not UNSET and given not in get_args(TaskType):
        raise _not_a_choice(name, given)
    return given


def _on_child_error(name: str, value: Any) -> Any:
    """Written with underscores by the platform, with hyphens by valohai.yaml."""
    given = text(name, value)
    if given is UNSET:
        return given
    written = given.replace("_", "-")
    if written not in get_args(OnChildError):
        raise _not_a_choice(name, written)
    return written


def _not_a_choice(name: str, given: str) -> Refused:
    return field(name, f'"{given}" is not a valid choice.', "invalid_choice")


def _stop_expression(name: str, value: Any) -> Any:
    return _expression(name, value) if value else UNSET


def _expression(name: str, value: Any) -> Any:
    given = text(name, value)
    reason = fault(given) if given else None
    if reason is not None:
        raise field(name, f"{given!r} is not an expression: {reason}; {GRAMMAR}")
    return given


def _target(name: str, given: Any) -> Any:
    if given is None or given == "":
        return UNSET
    try:
        value = math.nan if isinstance(given, (bool, list, dict)) else float(given)
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise field("configuration", f"{name}: a number is needed.")
    return value


class ConfigurationBody(Struct, frozen=True):
    """How many executions a task has, and what they are after."""

    execution_count: Number = 0
    execution_batch_size: Number = 0
    optimization_target_metric: Text = ""
    optimization_target_value: Annotated[float | None, Reads(_target)] = None
    engine: Text = ""
    parameter_sets: Annotated[Any, shaped(list[dict[str, Any]]), Reads(as_it_is)] = None


def _configuration(name: str, value: Any) -> ConfigurationBody:
    return decode(ConfigurationBody, mapping(name, value))


class TaskBody(StepBody, kw_only=True):
    """A task over a step."""

    type: Annotated[TaskType, Reads(_type)] = "grid_search"
    configuration: Annotated[ConfigurationBody, Reads(_configuration)] = ConfigurationBody()
    parameter_sets: Annotated[list[dict[str, Any]], Meta(description="Of a manual search"), Reads(objects)] = (
        msgspec.field(default_factory=list)
    )
    parameters: Annotated[dict[str, VariantBody], Meta(description="Or plain values"), Reads(_variants)] = (
        msgspec.field(default_factory=dict)
    )
    maximum_queued_executions: Number = 0
    on_child_error: Annotated[str, Reads(_on_child_error)] = ""
    task_stop_expression: Annotated[str, Reads(_stop_expression)] = ""
    stop_expression: Annotated[Any, Meta(description="Another name of it"), shaped(str), Reads(as_it_is)] = None
    allow_reuse: Flag = False
    priority: Annotated[Any, Meta(description="Means nothing here"), shaped(int), Reads(as_it_is)] = None

    def wish(self, name: str) -> Wish:
        """What it wants; `name` where it has no title. Raises Refused."""
        about = self.configuration
        sets = self.parameter_sets or objects("parameter_sets", about.parameter_sets)
        stop = self.task_stop_expression or _expression("stop_expression", self.stop_expression)
        return Wish(
            name=self.title or name,
            type=self.type,
            variants=[(key, item.style, item.rules) for key, item in self.parameters.items() if item.style != "single"],
            sets=sets if self.type == "manual_search" else (),
            execution_count=about.execution_count or None,
            batch_size=about.execution_batch_size or None,
            maximum_queued_executions=self.maximum_queued_executions or None,
            on_child_error=self.on_child_error or None,  # type: ignore[arg-type]  # the reader has seen that it is one
            stop_condition=stop or None,
            reuse_children=self.allow_reuse,
            metric=about.optimization_target_metric or None,
            value=about.optimization_target_value,
            engine=about.engine or None,
        )

    def plan(self, step: Step) -> TaskPlan:
        """The plan of a task over a step. A parameter with one value does not vary. Raises Refused."""
        try:
            return build(self.wish(step.name), step, seed=secrets.randbelow(2**31))
        except TaskFault as error:
            message = f"{error.message}; {error.hint}" if error.hint else error.message
            raise field(error.key.replace("-", "_"), message) from error
        except (ValueError, TypeError, OverflowError, ArithmeticError):
            raise field("parameters", "The rules of a parameter cannot be understood.") from None

    def single(self, varied: set[str]) -> Mapping[str, Any]:
        """Parameters with one value for all executions."""
        return {
            key: item.rules.get("value")
            for key, item in self.parameters.items()
            if item.style == "single" and key not in varied
        }


_OF_SWEEP = {"title"} | {item.name for item in fields(TaskBody)} - {item.name for item in fields(StepBody)}


def sweep_of(template: Mapping[str, Any]) -> dict[str, Any]:
    """What the template of a task node says of its sweep, as JSON values: fields of a Wish. Raises Refused."""
    known = {name: template[name] for name in _OF_SWEEP if name in template}
    found = to_builtins(decode(TaskBody, {**known, "project": "its own", "step": "its own"}).wish(""))
    return {name: value for name, value in found.items() if name not in {"name", "parity", "notes"}}
