"""The graph of a plan: who waits for whom. Pure; every function is linear in nodes and edges."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from localhai.pipelines.plan import Edge, PipelinePlan


class Graph:
    """Edges by node. `into` are the edges into a node, `before` and `after` its distinct neighbours, in order."""

    def __init__(self, plan: PipelinePlan) -> None:
        names = [node.name for node in plan.nodes]
        self.into: dict[str, list[Edge]] = {name: [] for name in names}
        before: dict[str, dict[str, None]] = {name: {} for name in names}
        after: dict[str, dict[str, None]] = {name: {} for name in names}
        for edge in plan.edges:
            self.into[edge.target].append(edge)
            before[edge.target][edge.source] = None
            after[edge.source][edge.target] = None
        self.before = {name: tuple(found) for name, found in before.items()}
        self.after = {name: tuple(found) for name, found in after.items()}

    def ordered(self) -> list[str]:
        """Every node behind all that it waits for. Nodes of a cycle are left out."""
        waits = {name: len(found) for name, found in self.before.items()}
        queue = deque(name for name, count in waits.items() if not count)
        found = []
        while queue:
            name = queue.popleft()
            found.append(name)
            for other in self.after[name]:
                waits[other] -= 1
                if not waits[other]:
                    queue.append(other)
        return found

    def beside(self, name: str) -> list[str]:
        """Those that may run while this one does: neither it waits for them nor they for it."""
        related = {name}
        for neighbours in (self.before, self.after):
            waiting = [name]
            while waiting:
                new = [other for other in neighbours[waiting.pop()] if other not in related]
                related.update(new)
                waiting += new
        return [other for other in self.into if other not in related]

    def keepable(self, complete: Collection[str]) -> list[str]:
        """Those of `complete` that need not run again: nothing before them runs again either."""
        kept: dict[str, None] = {}
        for name in self.ordered():
            if name in complete and all(other in kept for other in self.before[name]):
                kept[name] = None
        return list(kept)
