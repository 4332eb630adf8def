"""Nodes of pipelines (platform.md 1.8, 1.10, 7.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.project.checks import command, expression
from localhai.project.checks import step as step_check
from localhai.project.checks.findings import absent
from localhai.project.checks.items import each, named
from localhai.project.sentences import guess, quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item, Items

WHENS = ("node-starting", "node-complete", "node-error")
THENS = ("stop-pipeline", "error-pipeline", "require-approval", "noop")


class CheckedNode(Struct, frozen=True):
    """A node and the step that it runs: None when that is missing, or comes from another commit."""

    name: str
    path: tuple[Any, ...]
    data: dict[str, Any]
    step: Item | None

    @property
    def override(self) -> dict[str, Any]:
        """What the node changes of its step."""
        return self.data.get("override") or {}


def collect(item: Item, items: Items) -> dict[str, CheckedNode]:
    """The nodes of a sound pipeline by name; the last one of a name counts."""
    found = {}
    for index, entry in named(item.data, "nodes"):
        path = (*item.path, "nodes", index)
        found[entry["name"]] = CheckedNode(entry["name"], path, entry, _step(entry, items))
    return found


def _step(entry: dict[str, Any], items: Items) -> Item | None:
    if entry.get("commit"):
        return None
    name = entry.get("step")
    task = items.tasks.get(entry["task"]) if "task" in entry else None
    if task is not None and task.is_sound:
        name = task.data.get("step")
    return items.steps.get(name) if isinstance(name, str) else None


def check(node: CheckedNode, items: Items, findings: Findings) -> None:
    """One node: what it names must exist, what it overrides must be in its step, its actions must be known."""
    if not node.data.get("commit"):
        _check_names(node, items, findings)
    if node.step is not None and node.step.is_sound and node.override:
        _check_override(node, node.step, findings)
    for index, action in named(node.data, "actions"):
        _check_action((*node.path, "actions", index), action, findings)


def _check_names(node: CheckedNode, items: Items, findings: Findings) -> None:
    for key, known in (("step", items.steps), ("task", items.tasks)):
        name = node.data.get(key)
        if name is not None and name not in known:
            findings.error((*node.path, key), *absent(key, name, known))
    for at, name in each(node.path, node.data, "endpoints"):
        if name not in items.endpoints:
            findings.error(at, *absent("endpoint", name, items.endpoints))


def _check_override(node: CheckedNode, step: Item, findings: Findings) -> None:
    override, path = node.override, (*node.path, "override")
    merged = {**step.data, "command": override.get("command")}
    command.check(path, merged, findings)
    step_check.check_lists(path, override, step.data, f"the override of node {quoted(node.name)}", findings)
    for key, noun in (("inputs", "input"), ("parameters", "parameter")):
        known = step.names(key)
        for index, entry in named(override, key):
            if entry["name"] not in known:
                owner = f"step {quoted(step.name)}"
                findings.error((*path, key, index, "name"), *absent(noun, entry["name"], known, owner))
    if override.get("runtime-config-preset") and not override.get("environment"):
        message = f"node {quoted(node.name)} overrides runtime-config-preset but not environment"
        hint = "a preset belongs to an environment: add `environment:` to the override"
        findings.error((*path, "runtime-config-preset"), message, "missing-environment", hint=hint, key=True)


def _check_action(path: tuple[Any, ...], action: dict[str, Any], findings: Findings) -> None:
    for at, when in each(path, action, "when"):
        if when.lower() not in WHENS:
            message = f"when {quoted(when)} is not known, so the action may never happen"
            findings.warning(at, message, "unknown-value", hint=guess(when, WHENS, plural="moments"))
    for at, then in each(path, action, "then"):
        if then not in THENS:
            message = f"then {quoted(then)} is not known, so the action may do nothing"
            findings.warning(at, message, "unknown-value", hint=guess(then, THENS, plural="actions"))
    for at, condition in each(path, action, "if"):
        reason = expression.fault(condition)
        if reason is not None:  # unconfirmed: platform.md 7.5
            message = f"if {quoted(condition)} is not an expression: {reason}"
            hint = "a condition compares values: `metadata.accuracy >= 0.9`"
            findings.warning(at, message, "bad-expression", hint=hint)
