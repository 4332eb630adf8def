"""Cycles of pipelines: a node waits for all nodes that feed it, so a cycle would wait for ever (reference 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from localhai.project.checks.edge import Edge
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item


def check(item: Item, edges: list[Edge], findings: Findings) -> None:
    """Report each edge that closes a cycle, with the nodes of the cycle."""
    followers: dict[str, list[Edge]] = {}
    for edge in edges:
        followers.setdefault(edge.source.node, []).append(edge)
    finished: set[str] = set()
    for start in list(followers):
        _walk(start, followers, finished, item, findings)


def _walk(start: str, followers: dict[str, list[Edge]], finished: set[str], item: Item, findings: Findings) -> None:
    """Depth first, without recursion: `trail` holds the nodes from `start` to the current one."""
    if start in finished:
        return
    trail = [start]
    ahead = [iter(followers.get(start, ()))]
    while trail:
        edge = next(ahead[-1], None)
        if edge is None:
            finished.add(trail.pop())
            ahead.pop()
        elif edge.target.node in trail:
            _report(edge, trail[trail.index(edge.target.node) :], item, findings)
        elif edge.target.node not in finished:
            trail.append(edge.target.node)
            ahead.append(iter(followers.get(edge.target.node, ())))


def _report(edge: Edge, cycle: list[str], item: Item, findings: Findings) -> None:
    if len(cycle) == 1:
        message = f"node {quoted(cycle[0])} waits for itself"
    else:
        message = f"the nodes of pipeline {quoted(item.name)} wait for each other: {' -> '.join([*cycle, cycle[0]])}"
    findings.error(edge.path, message, "cycle", hint="remove one of the edges of the cycle")
