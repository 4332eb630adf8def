"""Commands: placeholders that nothing fills, and items that the shell reads otherwise than meant (platform.md 1.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localhai.project.checks.items import each, names
from localhai.project.sentences import guess, quoted

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
