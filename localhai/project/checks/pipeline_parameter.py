"""Parameters of pipelines (platform.md 1.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.project.checks.edge import guess_node
from localhai.project.checks.file import check_unique
from localhai.project.checks.items import named
from localhai.project.sentences import guess, quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item
    from localhai.project.checks.node import CheckedNode

_PARTS = 3
_FORM = "write node.parameter.name, such as train.parameter.epochs"


def check(item: Item, nodes: dict[str, CheckedNode], findings: Findings) -> None:
    """The parameters of a sound pipeline: named, and targeting parameters that exist."""
    entries = named(item.data, "parameters")
    check_unique((*item.path, "parameters"), entries, "parameter", f"pipeline {quoted(item.name)}", findings)
    for index, entry in entries:
        path = (*item.path, "parameters", index)
        if "name" not in entry:
            message = f"pipeline parameter {index + 1} has no name"
            findings.error(path, message, "missing-key", hint="add `name:` to it", key=True)
            continue
        if "target" in entry and "targets" in entry:
            message = f"pipeline parameter {quoted(entry['name'])} has both target and targets"
            findings.error((*path, "target"), message, "too-many-keys", hint="keep targets", key=True)
        targets = _targets(path, entry)
        if not targets:
            message = f"pipeline parameter {quoted(entry['name'])} has no targets, so it changes nothing"
            findings.warning((*path, "name"), message, "missing-target", hint="add `targets: [node.parameter.name]`")
        for place, target in targets:
            _check_target(place, target, nodes, findings)


def _targets(path: tuple[Any, ...], entry: dict[str, Any]) -> list[tuple[tuple[Any, ...], str]]:
    found = []
    for key in ("target", "targets"):
        value = entry.get(key)
        if isinstance(value, str) and value:
            found.append(((*path, key), value))
        elif isinstance(value, list):
            found += [((*path, key, index), text) for index, text in enumerate(value)]
    return found


def _check_target(path: tuple[Any, ...], target: str, nodes: dict[str, CheckedNode], findings: Findings) -> None:
    parts = target.split(".", _PARTS - 1)
    if len(parts) != _PARTS:
        message = f"target {quoted(target)} has {len(parts)} part{'s' if len(parts) > 1 else ''}, and it needs three"
        findings.error(path, message, "bad-target", hint=_FORM)
        return
    node_name, kind, name = parts
    if not kind.startswith("parameter"):  # the platform takes `parameters` too
        message = f"target {quoted(target)} is a {kind}, and a pipeline parameter sets parameters only"
        findings.error(path, message, "bad-target", hint=_FORM)
    node = nodes.get(node_name)
    if node is None:
        message = f"there is no node {quoted(node_name)} in this pipeline"
        findings.error(path, message, "unknown-node", hint=guess_node(node_name, nodes, findings))
    elif node.step is not None and node.step.is_sound and name not in node.step.names("parameters"):
        message = f"step {quoted(node.step.name)} has no parameter {quoted(name)}"
        hint = guess(name, node.step.names("parameters"), plural="parameters")
        report = findings.warning if node.data.get("type") == "task" else findings.error
        report(path, message, "unknown-parameter", hint=hint)
