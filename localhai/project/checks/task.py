"""Tasks (platform.md 1.7, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard, get_args

from localhai.project import parameters
from localhai.project.checks import expression
from localhai.project.checks.findings import absent
from localhai.project.checks.items import check_unique, named, names
from localhai.project.sentences import all_of, any_of, guess, quoted
from localhai.vocabulary import OnChildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item, Items

TYPES = ("grid_search", "random_search", "manual_search", "bayesian_tpe", "distributed")
ON_CHILD_ERROR = get_args(OnChildError)
_BAYESIAN_ONLY = ("engine", "optimization-target-metric", "optimization-target-value")
_RULES = {"multiple": ("items",), "single": ("value",), "linear": ("start", "end")}


def check(item: Item, items: Items, findings: Findings) -> None:
    """One sound task, held against the step that it names."""
    task, path = item.data, item.path
    kind = _normal(task.get("type"), "_") or TYPES[0]
    if kind not in TYPES:
        message = f"{quoted(task['type'])} is not a type of task"
        findings.error((*path, "type"), message, "unknown-value", hint=guess(kind, TYPES, plural="types"))
    on_error = _normal(task.get("on-child-error"), "-")
    if on_error and on_error not in ON_CHILD_ERROR:
        message = f"on-child-error must be {any_of(ON_CHILD_ERROR)}, not {quoted(task['on-child-error'])}"
        findings.error((*path, "on-child-error"), message, "unknown-value", hint=guess(on_error, ON_CHILD_ERROR))
    expression.check_stop_condition(path, task, findings)
    _check_kind(path, task, kind, findings)
    check_unique((*path, "parameters"), named(task, "parameters"), "parameter", f"task {quoted(item.name)}", findings)
    _check_rules(path, task, findings)
    _check_sets(path, task, findings)
    _check_step(path, task, items, findings)


def _normal(value: Any, dash: str) -> str:
    return str(value or "").lower().replace("-", dash).replace("_", dash)


def _check_kind(path: tuple[Any, ...], task: dict[str, Any], kind: str, findings: Findings) -> None:
    if any(task.get("parameter-sets") or ()) and kind != "manual_search":
        message = "parameter-sets are for `type: manual_search` only"
        hint = "change the type, or remove them"
        findings.warning((*path, "parameter-sets"), message, "no-effect", hint=hint, key=True)
    for key in _BAYESIAN_ONLY:
        if task.get(key) is not None and kind != "bayesian_tpe":
            message = f"{key} is for `type: bayesian_tpe` only"
            findings.warning((*path, key), message, "no-effect", hint="change the type, or remove it", key=True)


def _check_rules(path: tuple[Any, ...], task: dict[str, Any], findings: Findings) -> None:
    for index, entry in named(task, "parameters"):
        missing = [key for key in _RULES.get(entry["style"], ()) if key not in entry["rules"]]
        if missing:
            who = f"parameter {quoted(entry['name'])}"
            message = f"style {entry['style']} of {who} needs {all_of(missing)} in its rules"
            findings.warning((*path, "parameters", index, "rules"), message, "missing-rule", key=True)
        for rule, reason, hint in _no_values(entry["style"], entry["rules"]):
            message = f"parameter {quoted(entry['name'])} has no values: {reason}"
            findings.warning((*path, "parameters", index, "rules", rule), message, "no-values", hint=hint)


def _no_values(style: str, rules: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Rules that stand for nothing, for which no execution could be made."""
    if style == "multiple" and rules.get("items") == []:
        yield "items", "its items are empty", "give at least one, or take the parameter out of the task"
    start, end, step = (rules.get(key) for key in ("start", "end", "step"))
    if style == "linear" and _is_number(start) and _is_number(end) and _is_number(step) and start != end:
        if step == 0:
            yield "step", f"steps of 0 never lead from {start} to {end}", "give another step"
        elif (end > start) != (step > 0):
            yield "step", f"steps of {step} lead away from {end}", f"did you mean {-step}?"
    if style in {"logspace", "random", "linear"} and _is_number(rules.get("count")) and rules["count"] < 1:
        yield "count", f"its count is {rules['count']}", "give a count of at least 1"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_sets(path: tuple[Any, ...], task: dict[str, Any], findings: Findings) -> None:
    sets = [entry for entry in task.get("parameter-sets") or () if entry]
    keys = list(dict.fromkeys(key for entry in sets for key in entry))
    if any(set(entry) != set(keys) for entry in sets):
        message = "the parameter sets do not all have the same keys, so values of different sets would be mixed"
        hint = f"give every set {all_of(str(key) for key in keys)}"
        findings.warning((*path, "parameter-sets"), message, "uneven-sets", hint=hint, key=True)


def _check_step(path: tuple[Any, ...], task: dict[str, Any], items: Items, findings: Findings) -> None:
    step = items.steps.get(task["step"])
    if step is None:
        findings.error((*path, "step"), *absent("step", task["step"], items.steps))
        return
    if not step.is_sound:
        return
    known = names(step.data, "parameters")
    places = [((*path, "parameters", index, "name"), entry["name"]) for index, entry in named(task, "parameters")]
    for index, entry in enumerate(task.get("parameter-sets") or ()):
        places += [((*path, "parameter-sets", index, key), key) for key in entry]
    for place, name in places:
        if name not in known:
            missing = absent("parameter", name, known, f"step {quoted(step.name)}")
            findings.warning(place, *missing, key=place[-1] != "name")
    _check_values(path, task, step, findings)


def _check_values(path: tuple[Any, ...], task: dict[str, Any], step: Item, findings: Findings) -> None:
    """The platform's linter lets every value pass; the executions that get a wrong one are refused."""
    from valohai_yaml.objs.parameter import Parameter

    declared = {entry["name"]: Parameter.parse(entry) for _, entry in named(step.data, "parameters")}
    for place, name, value in _values(path, task):
        reason = parameters.fault(declared[name], value) if name in declared else None
        if reason is not None:
            message = f"parameter {quoted(name)} of step {quoted(step.name)} does not take this: {reason}"
            findings.warning(place, message, "wrong-value", hint=f"{name}: {parameters.takes(declared[name])}")


def _values(path: tuple[Any, ...], task: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], str, Any]]:
    for index, entry in named(task, "parameters"):
        rules = (*path, "parameters", index, "rules")
        items = entry["rules"].get("items") if entry["style"] == "multiple" else None
        for number, value in enumerate(items if isinstance(items, list) else ()):
            yield (*rules, "items", number), entry["name"], value
        if entry["style"] == "single" and "value" in entry["rules"]:
            yield (*rules, "value"), entry["name"], entry["rules"]["value"]
    for index, chosen in enumerate(task.get("parameter-sets") or ()):
        for name, value in (chosen or {}).items():
            yield (*path, "parameter-sets", index, name), name, value
