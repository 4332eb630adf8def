"""What follows from how a node starts or ends: actions and on-error (reference 7.3, 7.5). Pure.

The same decisions as those of `pipelines.state`, for one node at a time: here nobody sees the whole pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.airflow.pipelines.description import APPROVAL, COMPLETE, ERROR, STARTING
from localhai.pipelines.conditions import holds

if TYPE_CHECKING:
    from localhai.pipelines.plan import Node
    from localhai.pipelines.results import NodeResult

_OUTCOMES: Mapping[str, str] = {"stop-pipeline": "stopped", "error-pipeline": "error"}


class Verdict(Struct, frozen=True):
    """`outcome` (stopped, error) ends the whole pipeline, `fails` only what comes behind the node.

    `hold`: a person must approve before it goes on. `reason` is a sentence, `notes` are lines for the log.
    """

    outcome: str | None = None
    fails: bool = False
    hold: bool = False
    reason: str = ""
    notes: tuple[str, ...] = ()

    def to_flag(self) -> dict[str, str]:
        """For XCom."""
        return {"outcome": str(self.outcome), "reason": self.reason}


def at_start(node: Node, parameters: Mapping[str, Any], before: Iterable[NodeResult]) -> Verdict:
    """Conditions see the metadata of the nodes before, later ones winning, and the node's own parameters."""
    metadata = {key: value for result in before for key, value in result.metadata.items()}
    return _act(node, STARTING, metadata, {**node.defaults, **parameters})


def at_end(node: Node, result: NodeResult) -> Verdict:
    """Its actions first; then its on-error, which a failed node with `continue` does not have."""
    acted = _act(
        node,
        COMPLETE if result.is_complete else ERROR,
        result.metadata,
        {**node.defaults, **node.parameters, **result.parameters},
    )
    if acted.outcome is not None or result.is_complete or node.on_error == "continue":
        return acted
    reason = f"node {node.name} ended as {result.status}" + (f": {result.error}" if result.error else "")
    if node.on_error == "stop-next":
        return Verdict(fails=True, reason=reason, notes=acted.notes)
    return Verdict(outcome="error", fails=True, reason=reason, notes=acted.notes)


def _act(node: Node, when: str, metadata: Mapping[str, Any], parameters: Mapping[str, Any]) -> Verdict:
    outcome, hold, reason = None, False, ""
    notes = []
    for action in node.actions:
        if when not in action.when:
            continue
        does_hold, trouble = holds(action.conditions, metadata, parameters)
        if trouble is not None:
            notes.append(trouble)
        if not does_hold:
            continue
        why = f"{when} of node {node.name}" + "".join(f", {condition}" for condition in action.conditions)
        for then in action.then:
            if then in _OUTCOMES and outcome is None:
                outcome, reason = _OUTCOMES[then], f"{then} at {why}"
            elif then == APPROVAL:
                hold, reason = True, reason or f"approval is required at {why}"
            elif then not in _OUTCOMES and then != "noop":
                notes.append(f"then {then!r} at {why} is not known and does nothing")
    return Verdict(outcome, fails=outcome == "error", hold=hold and outcome is None, reason=reason, notes=tuple(notes))
