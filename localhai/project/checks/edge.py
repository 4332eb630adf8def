"""Edges of pipelines (platform.md 1.9, 7.2): both ends must exist and fit together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.project.checks.findings import absent
from localhai.project.checks.items import named
from localhai.project.edges import CARRYING
from localhai.project.sentences import all_of, guess, quoted
from localhai.system.names import matches

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item, Items
    from localhai.project.checks.node import CheckedNode

_PARTS = 3
_KNOWN_PAIRS = CARRYING | {("dependency", "dependency")}
_LISTS = {"input": "inputs", "parameter": "parameters"}


class End(Struct, frozen=True):
    """One end of an edge; `path` is where it is written."""

    node: str
    kind: str
    key: str
    path: tuple[Any, ...]


class CheckedEdge(Struct, frozen=True):
    """An edge that could be read. `path` is where it is written."""

    source: End
    target: End
    path: tuple[Any, ...]


def check(item: Item, nodes: dict[str, CheckedNode], items: Items, findings: Findings) -> list[CheckedEdge]:
    """Report what is wrong with the edges of a sound pipeline; gives those between nodes that exist."""
    edges = []
    for index, entry in named(item.data, "edges"):
        path = (*item.path, "edges", index)
        ends = _ends(path, entry, findings)
        if ends is None:
            continue
        edge = CheckedEdge(*ends, path)
        if _check_ends(edge, nodes, findings):
            edges.append(edge)
            _check_pair(edge, findings)
            _check_source(edge, nodes, findings)
            _check_target(edge, nodes, items, findings)
    _check_repeats(edges, findings)
    return edges


def _ends(path: tuple[Any, ...], entry: Any, findings: Findings) -> tuple[End, End] | None:
    if isinstance(entry, list):
        if len(entry) != 2:  # noqa: PLR2004  # an edge has two ends
            message = f"an edge has two ends, and this has {len(entry)}"
            findings.error(path, message, "bad-edge", hint="write [source, target]")
            return None
        source, target = _end((*path, 0), entry[0], findings), _end((*path, 1), entry[1], findings)
    else:
        source = _end((*path, "source"), entry["source"], findings)
        target = _end((*path, "target"), entry["target"], findings)
    return (source, target) if source is not None and target is not None else None


def _end(path: tuple[Any, ...], text: str, findings: Findings) -> End | None:
    parts = text.split(".", _PARTS - 1)
    if len(parts) == _PARTS:
        return End(parts[0], parts[1], parts[2], path)
    message = f"{quoted(text)} has {len(parts)} part{'s' if len(parts) > 1 else ''}, and an end of an edge has three"
    findings.error(path, message, "bad-edge", hint="write node.kind.key, such as train.output.model.pkl")
    return None


def _check_ends(edge: CheckedEdge, nodes: dict[str, CheckedNode], findings: Findings) -> bool:
    from valohai_yaml.objs.pipelines.types import edge_types

    is_right = True
    for end in (edge.source, edge.target):
        if end.node not in nodes:
            message = f"there is no node {quoted(end.node)} in this pipeline"
            findings.error(end.path, message, "unknown-node", hint=guess_node(end.node, nodes, findings))
            is_right = False
        if end.kind not in edge_types:
            singular = end.kind.rstrip("s")
            right = singular if singular in edge_types else None
            other = guess(end.kind, edge_types, plural="kinds")
            hint = f"did you mean {end.node}.{right}.{end.key}?" if right else other
            findings.error(end.path, f"{quoted(end.kind)} is no kind of edge", "unknown-edge-kind", hint=hint)
            is_right = False
    return is_right


def guess_node(wanted: str, nodes: dict[str, CheckedNode], findings: Findings) -> str | None:
    """The hint for a node that does not exist; none any more behind many such faults in a large pipeline."""
    return guess(wanted, nodes, plural="nodes") if findings.may_guess("unknown-node", len(nodes)) else None


def _check_pair(edge: CheckedEdge, findings: Findings) -> None:
    pair = (edge.source.kind, edge.target.kind)
    if pair not in _KNOWN_PAIRS:
        targets = [target for source, target in sorted(_KNOWN_PAIRS) if source == pair[0]]
        message = f"an edge from {pair[0]} to {pair[1]} is not known to do anything"
        hint = f"from {pair[0]} an edge goes to {all_of(targets)}" if targets else None
        findings.warning(edge.target.path, message, "odd-edge", hint=hint)


def _check_source(edge: CheckedEdge, nodes: dict[str, CheckedNode], findings: Findings) -> None:
    missing = _missing(edge.source, nodes)
    if missing is not None:  # a pattern may match several inputs
        findings.warning(edge.source.path, *missing)


def _check_target(edge: CheckedEdge, nodes: dict[str, CheckedNode], items: Items, findings: Findings) -> None:
    missing = _missing(edge.target, nodes, patterns=edge.source.kind == edge.target.kind == "input")
    if missing is not None:  # `{parameter-value:NAME}` takes undeclared ones (platform.md 1.4)
        report = findings.error if edge.target.kind == "input" else findings.warning
        report(edge.target.path, *missing)
    if edge.target.kind == "file":
        _check_file(edge.target, items, findings)


def _missing(end: End, nodes: dict[str, CheckedNode], *, patterns: bool = True) -> tuple[str, str, str | None] | None:
    """What to say when the step of this end has no such input or parameter; its key may be a pattern."""
    step, key = nodes[end.node].step, _LISTS.get(end.kind)
    if step is None or not step.is_sound or key is None:
        return None
    known = step.names(key)
    if end.key in known or (patterns and any(matches(name, end.key) for name in known)):
        return None
    return absent(end.kind, end.key, known, f"step {quoted(step.name)}")


def _check_file(end: End, items: Items, findings: Findings) -> None:
    endpoint_name, _, file_name = end.key.partition(".")
    endpoint = items.endpoints.get(endpoint_name)
    if endpoint is None:
        message = f"there is no endpoint {quoted(endpoint_name)} to give a file to"
        hint = guess(endpoint_name, items.endpoints, plural="endpoints")
        findings.warning(end.path, message, "unknown-endpoint", hint=hint)
    elif endpoint.is_sound and file_name not in endpoint.names("files"):
        owner = f"endpoint {quoted(endpoint_name)}"
        findings.warning(end.path, *absent("file", file_name, endpoint.names("files"), owner))


def _check_repeats(edges: list[CheckedEdge], findings: Findings) -> None:
    """The same edge twice, and parameters that two edges fill: only one may (platform.md 7.2)."""
    seen: Counter[tuple[str, ...]] = Counter()
    filled: Counter[tuple[str, str]] = Counter()
    for edge in edges:
        ends = tuple(f"{end.node}.{end.kind}.{end.key}" for end in (edge.source, edge.target))
        seen[ends] += 1
        if seen[ends] > 1:
            findings.warning(edge.path, "this edge is there already", "duplicate-edge", hint="remove one of them")
        elif edge.target.kind == "parameter":
            place = (edge.target.node, edge.target.key)
            filled[place] += 1
            if filled[place] > 1:
                message = f"another edge fills parameter {quoted(edge.target.key)} of node {quoted(edge.target.node)}"
                findings.warning(edge.target.path, message, "parameter-filled-twice", hint="only one edge may fill it")
