"""The rule book of pipelines: what follows when a node starts or ends (platform.md 7.3, 7.5). Pure, quick to import.

Whoever runs nodes asks here: `PipelineState` with a whole pipeline before its eyes, the tasks of an Airflow DAG each
for its own node. What passes over edges is said in `filling`, who waits for whom in `graph`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from localhai.errors import MISTAKES, Interrupted
from localhai.pipelines.results import NodeResult

if TYPE_CHECKING:
    from valohai_yaml.objs import Step

    from localhai.errors import LocalhaiError
    from localhai.pipelines.plan import Action, Node

ATTEMPTS = 3  # of a node with `on-error: retry`: how often the platform tries is unconfirmed
STARTING, COMPLETE, ERROR = "node-starting", "node-complete", "node-error"
APPROVAL = "require-approval"
ENDINGS: Mapping[str, str] = {"stop-pipeline": "stopped", "error-pipeline": "error"}
_KNOWN_THENS = frozenset({*ENDINGS, APPROVAL, "noop"})
_END_ALL = frozenset({"stop-all", "retry"})  # values of on-error, of a node that finally failed


class Verdict(Struct, frozen=True):
    """What follows from one event of a node.

    `outcome` (stopped, error) ends the whole pipeline; `fails` is its on-error, which at least keeps what is behind the
    node from running; `hold`: a person must approve before it goes on. `reason` is a sentence, `cause` the event and
    the conditions that asked for approval, `notes` are lines to say whatever follows.
    """

    outcome: str | None = None
    fails: bool = False
    hold: bool = False
    reason: str = ""
    cause: str = ""
    notes: tuple[str, ...] = ()


def at_start(node: Node, parameters: Mapping[str, Any], before: Iterable[NodeResult]) -> Verdict:
    """Conditions see the metadata of the nodes before, later ones winning, and what the node is about to start with."""
    metadata = {key: value for result in before for key, value in result.metadata.items()}
    return _act(node, STARTING, metadata, {**node.defaults, **parameters})


def at_end(node: Node, result: NodeResult) -> Verdict:
    """Of a node that is not tried again. Its actions first; then its on-error, unless they ended the pipeline."""
    acted = _act(
        node,
        COMPLETE if result.is_complete else ERROR,
        result.metadata,
        {**node.defaults, **node.parameters, **result.parameters},
    )
    if acted.outcome is not None or result.is_complete or node.on_error == "continue":
        return acted
    reason = f"node {node.name} ended as {result.status}" + (f": {result.error}" if result.error else "")
    outcome = "error" if node.on_error in _END_ALL else None
    return Verdict(outcome, fails=True, reason=reason, notes=acted.notes)


def is_tried_again(node: Node, result: NodeResult, attempts: int) -> bool:
    """`attempts` have begun: what no try can help is not tried again, and what was stopped stays so."""
    may_help = not result.is_complete and result.status != "stopped" and not result.is_mistake
    return may_help and node.on_error == "retry" and 0 < attempts < ATTEMPTS


def without_end(error: LocalhaiError) -> NodeResult:
    """The result of a node that never came to an end of its own: an error kept it from starting, or stopped it."""
    status = "stopped" if isinstance(error, Interrupted) else "error"
    return NodeResult(status, error=error.message, is_mistake=isinstance(error, MISTAKES))


def node_status(status: str | None) -> str:
    """That of a node from the final status of its execution or task: one that crashed is an error of its node."""
    return status if status in {"complete", "stopped"} else "error"


def holds(
    conditions: Sequence[str], metadata: Mapping[str, Any], parameters: Mapping[str, Any]
) -> tuple[bool, str | None]:
    """Whether all conditions are true (whether all or any is unconfirmed), and the trouble with one that is not.

    They are leval expressions on `metadata.KEY` and `parameter.NAME`. What cannot be evaluated is false (unconfirmed).
    """
    if not conditions:
        return True, None
    from leval.extras.common_boolean_evaluator import CommonBooleanEvaluator

    values: dict[Any, Any] = {}
    for prefix, items in (("metadata", metadata), ("parameter", parameters)):
        values |= {(prefix, *str(name).split(".")): value for name, value in items.items()}
    evaluator = CommonBooleanEvaluator()
    condition = ""
    try:
        for condition in conditions:
            if not evaluator.evaluate(condition, values):
                return False, None
    except Exception as error:  # noqa: BLE001  # leval lets through whatever the operands raise
        return False, f"condition {condition!r} counts as false: {str(error) or type(error).__name__}"
    return True, None


def target_of(text: str) -> tuple[str, str]:
    """The node and the parameter that `NODE.parameter.NAME`, a target of a pipeline's parameter, means."""
    node, _, rest = text.partition(".")
    _, dot, name = rest.partition(".")
    return node, name if dot else rest


def text_parameters(step: Step | None) -> set[str]:
    """The parameters of a node for which an empty text is a value."""
    return set() if step is None else {name for name, item in step.parameters.items() if item.type == "string"}


def set_by_pipeline(values: Mapping[str, Any], texts: Collection[str]) -> dict[str, Any]:
    """What parameters of the pipeline set in a node; `values` by the node's own, None for no value.

    No value is an empty text for those of `texts`; the others keep what the step says (unconfirmed).
    """
    given = {name: "" if value is None else value for name, value in values.items()}
    return {name: value for name, value in given.items() if values[name] is not None or name in texts}


def acts(node: Node, *whens: str) -> bool:
    """Whether it has an action for one of these events."""
    return any(when in action.when for action in node.actions for when in whens)


def may_end_all(node: Node, *whens: str) -> bool:
    """Whether one of these events may end the pipeline."""
    by_action = any(set(whens) & set(action.when) and ENDINGS.keys() & set(action.then) for action in node.actions)
    return by_action or (ERROR in whens and node.on_error in _END_ALL)


def may_ask(node: Node) -> bool:
    """Whether a person may have to approve something of it."""
    return any(APPROVAL in action.then for action in node.actions)


def decides_when_ended(node: Node) -> bool:
    """Whether more follows from its end than that those behind it run after a success, and not after a failure."""
    return node.on_error == "continue" or acts(node, COMPLETE, ERROR)


def alone(node: Node) -> Node:
    """The node where somebody else, who runs it as a pipeline of its own, asks this book what follows."""
    return replace(node, actions=(), on_error="stop-all")


def _act(node: Node, when: str, metadata: Mapping[str, Any], parameters: Mapping[str, Any]) -> Verdict:
    """All that its actions say of an event: the first that ends the pipeline counts, and then nobody is asked."""
    ends: list[tuple[str, str]] = []
    asks: list[str] = []
    notes: list[str] = []
    for action in node.actions:
        if when not in action.when:
            continue
        does_hold, trouble = holds(action.conditions, metadata, parameters)
        if trouble is not None:
            notes.append(trouble)
        if not does_hold:
            continue
        cause = _cause(node, when, action)
        ends += [(then, cause) for then in action.then if then in ENDINGS]
        asks += [cause for then in action.then if then == APPROVAL]
        unknown = (then for then in action.then if then not in _KNOWN_THENS)
        notes += [f"then {then!r} at {cause} is not known and does nothing" for then in unknown]
    if ends:
        then, cause = ends[0]
        return Verdict(ENDINGS[then], reason=f"{then} at {cause}", notes=tuple(notes))
    if asks:
        return Verdict(hold=True, reason=f"approval is required at {asks[0]}", cause=asks[0], notes=tuple(notes))
    return Verdict(notes=tuple(notes))


def _cause(node: Node, when: str, action: Action) -> str:
    conditions = " and ".join(action.conditions)
    return f"{when} of node {node.name}" + (f", {conditions}" if conditions else "")
