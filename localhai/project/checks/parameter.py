"""Parameters of steps: defaults, bounds and templates (platform.md 1.2, 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.project.checks.items import each
from localhai.project.sentences import any_of, described, quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings

_FLAG_ONLY = ("pass-true-as", "pass-false-as")
_TEMPLATES = ("pass-as", *_FLAG_ONLY)
_FITTING = {int: "`type: integer`", float: "`type: float`", bool: "`type: flag`"}
_SAMPLES: dict[str, Any] = {"integer": 1, "float": 1.5, "flag": True, "string": "text"}


def check(path: tuple[Any, ...], parameter: dict[str, Any], findings: Findings) -> None:
    """One parameter of a step or of an override."""
    if parameter.get("type", "string") == "flag":
        _check_flag(path, parameter, findings)
    else:
        _check_other(path, parameter, findings)
    _check_templates(path, parameter, findings)
    _check_default(path, parameter, findings)


def _check_flag(path: tuple[Any, ...], parameter: dict[str, Any], findings: Findings) -> None:
    who = f"flag {quoted(parameter['name'])}"
    if parameter.get("multiple", "none") != "none":
        message = f"{who} cannot have several values"
        findings.error((*path, "multiple"), message, "flag-multiple", hint="remove multiple", key=True)
    if parameter.get("optional"):
        message = f"optional has no effect on {who}: flags always are"
        findings.warning((*path, "optional"), message, "no-effect", hint="remove it", key=True)
    if parameter.get("pass-as") and any(parameter.get(key) for key in _FLAG_ONLY):
        message = f"pass-as has no effect on {who}: pass-true-as or pass-false-as replaces it"
        findings.warning((*path, "pass-as"), message, "no-effect", hint="keep one of the two ways", key=True)
    for key in ("choices", "min", "max"):
        if key in parameter:
            findings.hint((*path, key), f"{key} has no effect on {who}", "no-effect", key=True)


def _check_other(path: tuple[Any, ...], parameter: dict[str, Any], findings: Findings) -> None:
    who = f"parameter {quoted(parameter['name'])}"
    for key in _FLAG_ONLY:
        if parameter.get(key):
            message = f"{key} has no effect on {who}: it is no flag"
            findings.warning((*path, key), message, "no-effect", hint="use pass-as, or `type: flag`", key=True)
    if parameter.get("type") == "string":  # without a type numbers stay numbers, and have bounds
        for key in ("min", "max"):
            if key in parameter:
                message, hint = f"{key} has no effect on {who}: it is text", "use `type: integer` or `type: float`"
                findings.hint((*path, key), message, "no-effect", hint=hint, key=True)
    elif "min" in parameter and "max" in parameter and parameter["min"] > parameter["max"]:
        message = f"{who} has min {parameter['min']} above max {parameter['max']}, so no value will do"
        findings.warning((*path, "min"), message, "empty-range")


def _check_templates(path: tuple[Any, ...], parameter: dict[str, Any], findings: Findings) -> None:
    value = _SAMPLES.get(parameter.get("type", "string"))
    for key in _TEMPLATES:
        if not _can_be_filled(parameter.get(key) or "", parameter["name"], value):
            message = f"{key} {quoted(parameter[key])} cannot be filled"
            hint = "its placeholders are {name}, {value} and {v}; other braces are doubled: {{ }}"
            findings.error((*path, key), message, "bad-template", hint=hint)


def _can_be_filled(template: str, name: str, value: Any) -> bool:
    try:
        for bit in template.split():
            bit.format_map({"name": name, "value": value, "v": value})
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        return False
    return True


def _check_default(path: tuple[Any, ...], parameter: dict[str, Any], findings: Findings) -> None:
    default = parameter.get("default")
    is_multiple = parameter.get("multiple", "none") != "none"
    if isinstance(default, list) and not is_multiple:
        message = f"parameter {quoted(parameter['name'])} has a list as default but is not multiple"
        hint = "add `multiple: repeat` or `multiple: separate`, or give one value"
        findings.warning((*path, "default"), message, "bad-default", hint=hint)
    if not default:  # the platform's linter lets 0, false and empty text pass
        return
    for at, value in each(path, parameter, "default"):
        for reason, advice in _faults(value, parameter):
            findings.warning(at, reason, "bad-default", hint=advice)


def _faults(value: Any, parameter: dict[str, Any]) -> list[tuple[str, str | None]]:
    kind = parameter.get("type", "string")
    who = f"the default of parameter {quoted(parameter['name'])}"
    found: list[tuple[str, str | None]] = []
    if isinstance(value, list):
        return [(f"{who} holds a list inside a list", "write one flat list")]
    if kind == "string" and not isinstance(value, str):
        advice = (
            "put it in quotes" if "type" in parameter else f"give the parameter a type, {_FITTING.get(type(value))}"
        )
        return [(f"{who} is {described(value)}, not text", advice)]
    if kind == "integer" and not _reads_as(int, value):
        found.append((f"{who} is {described(value)}, not a whole number", None))
    if kind == "float" and not _reads_as(float, value):
        found.append((f"{who} is {described(value)}, not a number", None))
    found.extend(_out_of_bounds(who, value, parameter))
    choices = [True, False] if kind == "flag" else parameter.get("choices")
    if choices and value not in choices:
        allowed = "write true or false" if kind == "flag" else f"choices: {any_of(str(choice) for choice in choices)}"
        found.append((f"{who} is {described(value)}, which is not among its choices", allowed))
    return found


def _reads_as(kind: type[int | float], value: Any) -> bool:
    try:
        kind(str(value))
    except ValueError:
        return False
    return True


def _out_of_bounds(who: str, value: Any, parameter: dict[str, Any]) -> list[tuple[str, str | None]]:
    if isinstance(value, str) or not isinstance(value, (int, float)):
        return []
    low, high = parameter.get("min"), parameter.get("max")
    if low is not None and value < low:
        return [(f"{who} is {value}, less than min {low}", None)]
    if high is not None and value > high:
        return [(f"{who} is {value}, more than max {high}", None)]
    return []
