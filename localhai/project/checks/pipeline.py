"""Pipelines (platform.md 1.8): their nodes, edges and parameters together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from localhai.project.checks import cycle, edge, node, pipeline_parameter
from localhai.project.checks.input import is_required
from localhai.project.checks.items import named
from localhai.project.edges import CARRYING, filled_inputs
from localhai.project.sentences import all_of, quoted

if TYPE_CHECKING:
    from localhai.project.checks.edge import CheckedEdge
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item, Items
    from localhai.project.checks.node import CheckedNode


def check(item: Item, items: Items, findings: Findings) -> None:
    """One sound pipeline, held against the steps, tasks and endpoints that it names."""
    nodes = node.collect(item, items)
    _check_names(item, findings)
    for one in nodes.values():
        node.check(one, items, findings)
    edges = edge.check(item, nodes, items, findings)
    cycle.check(item, edges, findings)
    pipeline_parameter.check(item, nodes, findings)
    if findings.has_errors_in((*item.path, "edges")):
        return  # what they were meant to fill is not known
    filled = _filled(edges, nodes)
    for one in nodes.values():
        _check_inputs(one, filled.get(one.name, set()), findings)


def _check_names(item: Item, findings: Findings) -> None:
    counts: Counter[str] = Counter()
    for index, entry in named(item.data, "nodes"):
        path, name = (*item.path, "nodes", index, "name"), entry["name"]
        counts[name] += 1
        if counts[name] > 1:
            message = f"pipeline {quoted(item.name)} has a node {quoted(name)} already"
            findings.error(path, message, "duplicate-node", hint="give every node a name of its own")
        if "." in name:
            message = f"no edge can reach node {quoted(name)}: the parts of an edge are separated by dots"
            hint = f"did you mean {name.replace('.', '-')}?"
            findings.warning(path, message, "dotted-node", hint=hint)


def _filled(edges: list[CheckedEdge], nodes: dict[str, CheckedNode]) -> dict[str, set[str]]:
    """The inputs that edges fill, by node."""
    filled: dict[str, set[str]] = {}
    for found in edges:
        target, step = found.target, nodes[found.target.node].step
        if target.kind == "input" and (found.source.kind, target.kind) in CARRYING:
            known = step.names("inputs") if step is not None and step.is_sound else ()
            names = filled_inputs(found.source.kind, target.key, known)
            filled.setdefault(target.node, set()).update([target.key] if names is None else names)
    return filled


def _check_inputs(one: CheckedNode, filled: set[str], findings: Findings) -> None:
    """Inputs that a node needs and nothing fills."""
    step = one.step
    if step is None or not step.is_sound:
        return
    changed = {entry["name"]: entry for _, entry in named(one.override, "inputs")}
    empty: list[Any] = []
    for _, entry in named(step.data, "inputs"):
        change = changed.get(entry["name"])
        now = entry if change is None else {**entry, **change, "default": change.get("default")}
        if entry["name"] not in filled and is_required(now):
            empty.append(entry["name"])
    if empty:
        inputs = f"input{'s' if len(empty) > 1 else ''} {all_of(map(quoted, empty))}"
        message = f"node {quoted(one.name)} leaves {inputs} of step {quoted(step.name)} empty"
        hint = "give each a default, an edge, or `optional: true`; else it has to be given at every run"
        findings.warning((*one.path, "name"), message, "empty-input", hint=hint)
