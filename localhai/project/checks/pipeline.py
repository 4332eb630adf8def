"""Pipelines (platform.md 1.8): their nodes, edges, cycles and parameters (1.11) together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from localhai.project.checks import edge, node
from localhai.project.checks.edge import guess_node
from localhai.project.checks.findings import absent
from localhai.project.checks.items import check_unique, named
from localhai.project.checks.step import is_required
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
    _check_cycles(item, edges, findings)
    _check_parameters(item, nodes, findings)
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


_PARTS = 3
_FORM = "write node.parameter.name, such as train.parameter.epochs"


def _check_parameters(item: Item, nodes: dict[str, CheckedNode], findings: Findings) -> None:
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
        report = findings.warning if node.data.get("type") == "task" else findings.error
        report(path, *absent("parameter", name, node.step.names("parameters"), f"step {quoted(node.step.name)}"))


_SHOWN = 10  # names at either end of a cycle


def _check_cycles(item: Item, edges: list[CheckedEdge], findings: Findings) -> None:
    """Report each edge that closes a cycle: a node waits for all nodes that feed it (platform.md 7.1)."""
    followers: dict[str, list[CheckedEdge]] = {}
    for closing in edges:
        followers.setdefault(closing.source.node, []).append(closing)
    finished: set[str] = set()
    for start in list(followers):
        _walk(start, followers, finished, item, findings)


def _walk(
    start: str, followers: dict[str, list[CheckedEdge]], finished: set[str], item: Item, findings: Findings
) -> None:
    """Depth first, without recursion: `trail` holds the nodes from `start` to the current one, `places` where in it."""
    if start in finished:
        return
    trail = [start]
    places = {start: 0}
    ahead = [iter(followers.get(start, ()))]
    while trail:
        closing = next(ahead[-1], None)
        if closing is None:
            done = trail.pop()
            finished.add(done)
            del places[done]
            ahead.pop()
        elif closing.target.node in places:
            _report(closing, _cycle(trail, places[closing.target.node]), item, findings)
        elif closing.target.node not in finished:
            places[closing.target.node] = len(trail)
            trail.append(closing.target.node)
            ahead.append(iter(followers.get(closing.target.node, ())))


def _cycle(trail: list[str], first: int) -> list[str]:
    """The nodes of `trail` from `first` on; of a long way only both ends, since nobody reads thousands of names."""
    left_out = len(trail) - first - 2 * _SHOWN
    if left_out <= 1:
        return trail[first:]
    return [*trail[first : first + _SHOWN], f"({left_out} more)", *trail[-_SHOWN:]]


def _report(closing: CheckedEdge, cycle: list[str], item: Item, findings: Findings) -> None:
    if len(cycle) == 1:
        message = f"node {quoted(cycle[0])} waits for itself"
    else:
        message = f"the nodes of pipeline {quoted(item.name)} wait for each other: {' -> '.join([*cycle, cycle[0]])}"
    findings.error(closing.path, message, "cycle", hint="remove one of the edges of the cycle")
