"""Commands (platform.md 1.4), and the parameters that they take (1.2, 1.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localhai.project.checks.items import each, names
from localhai.project.sentences import any_of, described, guess, quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings


_PLACEHOLDER = re.compile(r"(?<!\$){(.+?)}")
_ABOUT_PARAMETERS = re.compile(r"(parameter|parameter-value|parameters|params?|parameter_value|param-value)[:.](.+)")
_ABOUT_INPUTS = re.compile(r"inputs?([:.].+)?")
_HIDES = re.compile(r"^[^({].*\|\|\s*(true|:|exit 0)\s*;?$")
_SHELL_ALONE = re.compile(r"(/(usr/)?bin/)?(ba|z|da)?sh\s+(-\w+\s+)*-\w*c")


def check(path: tuple[Any, ...], step: dict[str, Any], findings: Findings) -> None:
    """The command of a step, or of an override held against its step."""
    for place, text in each(path, step, "command"):
        for match in _PLACEHOLDER.finditer(text):
            _check_placeholder(place, match[1], step, findings)
        _check_unclosed(place, text, findings)
    if isinstance(step.get("command"), list):
        _check_joining((*path, "command"), step["command"], findings)


def _check_placeholder(path: tuple[Any, ...], inner: str, step: dict[str, Any], findings: Findings) -> None:
    known = names(step, "parameters")
    about = _ABOUT_PARAMETERS.fullmatch(inner)
    if _ABOUT_INPUTS.fullmatch(inner):
        hint = "files of an input are at /valohai/inputs/NAME/ when the command runs"
        _left_as_is(path, inner, "commands know no placeholders for inputs", hint, findings)
    elif inner == "source-path" and not step.get("source-path"):
        _left_as_is(path, inner, "the step has no source-path", "add source-path, or write the path out", findings)
    elif inner in {"parameter", "param"}:
        _left_as_is(path, inner, "there is no such placeholder", "did you mean {parameters}?", findings)
    elif about is not None and about[1] not in {"parameter", "parameter-value"}:
        right = "parameter-value" if "value" in about[1] else "parameter"
        _left_as_is(path, inner, "there is no such placeholder", f"did you mean {{{right}:{about[2]}}}?", findings)
    elif about is not None and inner[len(about[1])] == ".":
        hint = f"did you mean {{{about[1]}:{about[2]}}}?"
        _left_as_is(path, inner, "the name stands behind a colon", hint, findings)
    elif about is not None and about[2] not in known:
        near = guess(about[2], known, plural="parameters")
        _left_as_is(path, inner, f"the step has no parameter {quoted(about[2])}", near, findings)


def _left_as_is(path: tuple[Any, ...], inner: str, reason: str, hint: str | None, findings: Findings) -> None:
    message = f"{{{inner}}} reaches the shell as it stands: {reason}"
    findings.warning(path, message, "unfilled-placeholder", hint=hint)


def _check_joining(path: tuple[Any, ...], command: list[str], findings: Findings) -> None:
    """Items become one script, joined by ` && `: what that breaks."""
    for index, text in enumerate(command):
        if index and _HIDES.search(text.strip()) and "\n" not in text.strip():
            message = "this also hides every failure of the items before it: they are joined with ' && ' on one line"
            hint = "put the item in parentheses: ( COMMAND || true )"
            findings.warning((*path, index), message, "hidden-failures", hint=hint)
        stripped, is_last = text.strip(), index == len(command) - 1
        if is_last or not stripped:
            continue
        if _SHELL_ALONE.fullmatch(stripped):
            message = f"{quoted(stripped)} and its script are two items, so the shell runs without a script"
            hint = "write them as one item, or leave the shell out: items run in bash anyway"
            findings.warning((*path, index), message, "split-shell", hint=hint)
        elif stripped.endswith("&") and not stripped.endswith("&&"):
            message = "an item that ends in & is a syntax error: the items are joined with ' && '"
            hint = "append `; true`, or use one multi-line item"
            findings.warning((*path, index), message, "joined-ampersand", hint=hint)
        elif re.search(r"(^|\s)#(?!!)[^'\"]*\Z", stripped.rsplit("\n", 1)[-1]):
            message = "the comment swallows the items after this one: they are joined with ' && ' on one line"
            findings.warning((*path, index), message, "joined-comment", hint="move the comment to a YAML comment")


_KNOWN = re.compile(r"parameters|params|source-path|parameter(-value)?:.+")


def _check_unclosed(path: tuple[Any, ...], text: str, findings: Findings) -> None:
    """Placeholders behind a brace that is not closed, or closed at once: to the platform they begin at that brace.

    Its pattern is `{(.+?)}` (platform.md 1.4), and so `{ {parameters}` is one placeholder called ` {parameters`, which
    it does not know, and `{} {parameters}` one called `} {parameters`.
    """
    from valohai_yaml.commands import interpolable_re

    for match in interpolable_re.finditer(text):
        _, brace, inner = match[1].rpartition("{")
        if brace and _KNOWN.fullmatch(inner):
            message = (
                f"{{{inner}}} reaches the shell as it stands: a brace before it on its line is taken for its beginning"
            )
            hint = "begin a new line between that brace and the placeholder"
            findings.warning(path, message, "unclosed-brace", hint=hint)


_FLAG_ONLY = ("pass-true-as", "pass-false-as")
_TEMPLATES = ("pass-as", *_FLAG_ONLY)
_FITTING = {int: "`type: integer`", float: "`type: float`", bool: "`type: flag`"}
_SAMPLES: dict[str, Any] = {"integer": 1, "float": 1.5, "flag": True, "string": "text"}


def check_parameter(path: tuple[Any, ...], parameter: dict[str, Any], findings: Findings) -> None:
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
