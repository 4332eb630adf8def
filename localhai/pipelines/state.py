"""PipelineState: told what happened, says what comes next. No threads, no clock, no I/O.

Statuses of nodes: created, queued, waiting-approval, started, complete, error, stopped; of the pipeline besides:
stopping. The platform's own words for waiting and for nodes that never run are unconfirmed (platform.md 7.5, 7.6). What
follows from a start or an end is decided by `rules`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from localhai.pipelines import rules
from localhai.pipelines.filling import Unfilled, fill
from localhai.pipelines.graph import Graph
from localhai.pipelines.results import NodeResult
from localhai.vocabulary import NODE_FINAL, WAITING

if TYPE_CHECKING:
    from localhai.pipelines.plan import PipelinePlan
    from localhai.pipelines.results import NodeStart

_CREATED, _QUEUED, _STARTED = "created", "queued", "started"
_COMPLETE, _ERROR, _STOPPED, _STOPPING = "complete", "error", "stopped", "stopping"


class Change(Struct, frozen=True):
    """Something to record: a node (None: the pipeline) has this status now. Without a status it is only a note."""

    node: str | None
    status: str | None
    reason: str | None = None


class PipelineState:
    """One run of a plan.

    Ask `ready` for what may start, say `started` and `finished`, and ask again. `kept` are results of nodes that need
    not run again (see `Graph.keepable`); their actions do not happen a second time. `reused` are those that somebody
    named to take the place of nodes, whatever is before them.
    """

    def __init__(
        self,
        plan: PipelinePlan,
        kept: Mapping[str, NodeResult] | None = None,
        reused: Mapping[str, NodeResult] | None = None,
    ) -> None:
        self.plan = plan
        self.graph = Graph(plan)
        self.statuses = dict.fromkeys((node.name for node in plan.nodes), _CREATED)
        self._nodes = {node.name: node for node in plan.nodes}
        self._waits = {name: len(before) for name, before in self.graph.before.items()}
        self._results: dict[str, NodeResult] = {}
        self._attempts = dict.fromkeys(self.statuses, 0)
        self._queue: OrderedDict[str, None] = OrderedDict()  # from any place a name goes at once
        self._running: dict[str, None] = {}
        self._held: dict[str, Literal["start", "end"]] = {}
        self._approved: set[str] = set()
        self._outcome: str | None = None
        self._reason: str | None = None
        self._failed: list[str] = []
        self._unfinished = len(self.statuses)
        self._changes: list[Change] = []
        for name, count in self._waits.items():
            if not count:
                self._enqueue(name)
        reused = reused or {}
        for name, result in reused.items():
            self._keep(name, result, "reused")
        known = {**(kept or {}), **reused}
        for name in self.graph.keepable(known):
            if name not in reused:
                self._keep(name, known[name], "kept")

    @property
    def status(self) -> str:
        """started, waiting-approval, stopping; in the end complete, error or stopped."""
        if self.is_done:
            return self._outcome or (_ERROR if self._failed else _COMPLETE)
        if self._outcome is not None:
            return _STOPPING
        return WAITING if self._held and not self._running and not self._queue else _STARTED

    @property
    def reason(self) -> str | None:
        """Why it is not complete, or will not be, as a sentence."""
        if self._reason is None and self._failed:
            return f"failed: {', '.join(self._failed)}"
        return self._reason

    @property
    def is_done(self) -> bool:
        """Whether nothing runs and nothing will."""
        return not self._running and not self._unfinished and not self._held

    @property
    def running(self) -> list[str]:
        return list(self._running)

    @property
    def to_stop(self) -> list[str]:
        """Running nodes that must be stopped now."""
        return list(self._running) if self._outcome is not None else []

    @property
    def awaiting_approval(self) -> list[str]:
        return list(self._held)

    def drain(self) -> list[Change]:
        """What changed since the last call, in order."""
        changes, self._changes = self._changes, []
        return changes

    def ready(self, limit: int | None = None) -> list[NodeStart]:
        """Nodes to start now, each given once, at most `limit`. Those that cannot be filled end here as errors."""
        found: list[NodeStart] = []
        while self._queue and (limit is None or len(found) < limit):
            start = self._prepare(self._queue.popitem(last=False)[0])
            if start is not None:
                found.append(start)
        if self._outcome is not None:  # a node that came later ended the pipeline
            for start in found:
                self._running.pop(start.node)
                self._finish(start.node, _STOPPED, self._reason)
            return []
        return found

    def started(self, name: str) -> None:
        """Its execution, task or deployment has been made."""
        self._set(name, _STARTED)

    def finished(self, name: str, result: NodeResult) -> None:
        """It ended, however it did."""
        del self._running[name]
        if self._outcome is not None:
            self._results[name] = result
            self._finish(name, rules.node_status(result.status), result.error)
            return
        self._ended(name, result)

    def approved(self, name: str) -> bool:
        """A person said that it may go on. False when nothing waits for that."""
        held = self._held.pop(name, None)
        if held == "start":
            self._approved.add(name)
            self._enqueue(name, "approved")
        elif held == "end":
            self._note(name, "approved")
            self._release(name)
        return held is not None

    def stop(self, reason: str) -> None:
        """Start nothing more; see `to_stop`. The first reason counts, and nothing does once all is done."""
        if not self.is_done:
            self._end_all(_STOPPED, reason)

    def _prepare(self, name: str) -> NodeStart | None:
        node = self._nodes[name]
        try:
            start = fill(node, self.graph.into[name], self._results, attempt=self._attempts[name] + 1)
        except Unfilled as trouble:
            self._ended(name, NodeResult(_ERROR, error=str(trouble)))
            return None
        if not self._attempts[name] and name not in self._approved:
            before = [self._results[other] for other in self.graph.before[name]]
            verdict = rules.at_start(node, start.parameters, before)
            self._note(name, *verdict.notes)
            if verdict.outcome is not None:
                self._end_all(verdict.outcome, verdict.reason)
                return None
            if verdict.hold:
                self._held[name] = "start"
                self._set(name, WAITING, verdict.cause)
                return None
        self._attempts[name] += 1
        self._running[name] = None
        return start

    def _ended(self, name: str, result: NodeResult) -> None:
        self._results[name] = result
        node, attempts = self._nodes[name], self._attempts[name]
        if rules.is_tried_again(node, result, attempts):
            self._enqueue(name, f"{result.error or result.status}; attempt {attempts} of {rules.ATTEMPTS}")
            return
        self._finish(name, rules.node_status(result.status), result.note if result.is_complete else result.error)
        verdict = rules.at_end(node, result)
        self._note(name, *verdict.notes)
        if verdict.outcome is not None:
            self._end_all(verdict.outcome, verdict.reason, others=f"node {name} failed" if verdict.fails else None)
        elif verdict.fails:
            self._failed.append(name)
            self._stop_what_follows(name)
        elif verdict.hold:
            self._held[name] = "end"
            self._note(name, f"what follows waits for approval at {verdict.cause}")
        else:
            self._release(name)

    def _stop_what_follows(self, name: str) -> None:
        """What waits for a node that failed, directly or not.

        Nothing waits behind a node that has ended: one that was reused lets others go on, and behind one that was
        stopped all are stopped already.
        """
        failed = [name]
        while failed:
            for other in self.graph.after[failed.pop()]:
                if self.statuses[other] not in NODE_FINAL:
                    self._finish(other, _STOPPED, f"node {name} failed")
                    failed.append(other)

    def _release(self, name: str) -> None:
        for other in self.graph.after[name]:
            self._waits[other] -= 1
            if not self._waits[other] and self.statuses[other] == _CREATED:
                self._enqueue(other)

    def _keep(self, name: str, result: NodeResult, why: str) -> None:
        self._results[name] = result
        self._queue.pop(name, None)
        self._finish(name, _COMPLETE, why)
        self._release(name)

    def _end_all(self, outcome: str, reason: str, *, others: str | None = None) -> None:
        """`others` is what the nodes that never run say in place of the whole reason."""
        if self._outcome is not None:
            return
        self._outcome, self._reason = outcome, reason
        self._queue.clear()
        self._held.clear()
        for name, status in self.statuses.items():
            if status not in NODE_FINAL and name not in self._running:
                self._finish(name, _STOPPED, others or reason)

    def _enqueue(self, name: str, reason: str | None = None) -> None:
        self._queue[name] = None
        self._set(name, _QUEUED, reason)

    def _finish(self, name: str, status: str, reason: str | None = None) -> None:
        self._unfinished -= 1
        self._set(name, status, reason)

    def _set(self, name: str, status: str, reason: str | None = None) -> None:
        self.statuses[name] = status
        self._changes.append(Change(name, status, reason))

    def _note(self, name: str, *texts: str) -> None:
        self._changes += [Change(name, None, text) for text in texts]
