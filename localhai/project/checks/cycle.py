"""Cycles of pipelines: a node waits for all nodes that feed it, so a cycle would wait for ever (platform.md 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from localhai.project.checks.edge import CheckedEdge
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item

_SHOWN = 10  # names at either end of a cycle


def check(item: Item, edges: list[CheckedEdge], findings: Findings) -> None:
    """Report each edge that closes a cycle, with the nodes of the cycle."""
    followers: dict[str, list[CheckedEdge]] = {}
    for edge in edges:
        followers.setdefault(edge.source.node, []).append(edge)
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
        edge = next(ahead[-1], None)
        if edge is None:
            done = trail.pop()
            finished.add(done)
            del places[done]
            ahead.pop()
        elif edge.target.node in places:
            _report(edge, _cycle(trail, places[edge.target.node]), item, findings)
        elif edge.target.node not in finished:
            places[edge.target.node] = len(trail)
            trail.append(edge.target.node)
            ahead.append(iter(followers.get(edge.target.node, ())))


def _cycle(trail: list[str], first: int) -> list[str]:
    """The nodes of `trail` from `first` on; of a long way only both ends, since nobody reads thousands of names."""
    left_out = len(trail) - first - 2 * _SHOWN
    if left_out <= 1:
        return trail[first:]
    return [*trail[first : first + _SHOWN], f"({left_out} more)", *trail[-_SHOWN:]]


def _report(edge: CheckedEdge, cycle: list[str], item: Item, findings: Findings) -> None:
    if len(cycle) == 1:
        message = f"node {quoted(cycle[0])} waits for itself"
    else:
        message = f"the nodes of pipeline {quoted(item.name)} wait for each other: {' -> '.join([*cycle, cycle[0]])}"
    findings.error(edge.path, message, "cycle", hint="remove one of the edges of the cycle")
