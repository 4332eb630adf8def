"""Steps (platform.md 1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.project.checks import command, duration, expression, image, parameter
from localhai.project.checks import input as input_check
from localhai.project.checks.file import check_unique
from localhai.project.checks.items import named
from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item

LISTS = {
    "parameters": "parameter",
    "inputs": "input",
    "outputs": "output",
    "environment-variables": "environment variable",
}


def check(item: Item, findings: Findings) -> None:
    """Everything about one sound step that needs no other item."""
    step, path = item.data, item.path
    duration.check(path, step, findings)
    expression.check_stop_condition(path, step, findings)
    command.check(path, step, findings)
    image.check(item, findings)
    check_lists(path, step, step, f"step {quoted(item.name)}", findings)
    if step.get("runtime-config-preset") and not step.get("environment"):
        message = f"step {quoted(item.name)} has a runtime-config-preset but no environment"
        hint = "a preset belongs to an environment: add `environment:`"
        findings.error((*path, "runtime-config-preset"), message, "missing-environment", hint=hint, key=True)


def check_lists(
    path: tuple[Any, ...], data: dict[str, Any], step: dict[str, Any], owner: str, findings: Findings
) -> None:
    """The named lists of a step, or of an override of `step`."""
    for key, noun in LISTS.items():
        check_unique((*path, key), named(data, key), noun, owner, findings)
    for index, entry in named(data, "parameters"):
        parameter.check((*path, "parameters", index), entry, findings)
    for index, entry in named(data, "inputs"):
        input_check.check((*path, "inputs", index), entry, step, findings)
