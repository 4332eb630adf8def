"""The rule book, as those who run whole pipelines and those who run one node at a time ask it."""

from __future__ import annotations

import pytest

from localhai.errors import ImageNotFound, Interrupted, ProjectError, SurroundingsError, UsageError
from localhai.pipelines import rules
from localhai.pipelines.results import NodeResult
from localhai.pipelines.state import PipelineState

OK = NodeResult("complete")
BAD = NodeResult("error", error="exit code 1")


def acting(when, *thens, on_error="stop-all"):
    return {"name": "a", "on-error": on_error, "actions": [{"when": when, "then": list(thens)}]}


def ended(make_plan, node, result=OK):
    """A pipeline of which only `a` ran, and what was noted on the way."""
    state = PipelineState(make_plan([node, "b"], [["a.dependency.*", "b.dependency.*"]]))
    for start in state.ready():
        state.started(start.node)
        state.finished(start.node, result)
    return state, [change.reason for change in state.drain() if change.status is None]


@pytest.mark.parametrize("when", [rules.STARTING, rules.COMPLETE])
@pytest.mark.parametrize(
    "thens", [("stop-pipeline", "require-approval"), ("require-approval", "stop-pipeline"), ("stop-pipeline", "noop")]
)
def test_what_ends_the_pipeline_comes_before_an_approval_in_any_order(make_plan, when, thens):
    state, notes = ended(make_plan, acting(when, *thens))
    assert (state.status, state.is_done, state.awaiting_approval) == ("stopped", True, [])
    assert notes == [], "both are known words"
    assert state.reason == f"stop-pipeline at {when} of node a"


def test_of_several_endings_the_first_counts(make_plan):
    node = make_plan([acting(rules.COMPLETE, "error-pipeline", "stop-pipeline")]).nodes[0]
    verdict = rules.at_end(node, OK)
    assert (verdict.outcome, verdict.reason) == ("error", "error-pipeline at node-complete of node a")


def test_conditions_are_told_as_they_are_asked(make_plan):
    action = {"when": rules.COMPLETE, "if": ["metadata.x > 1", "metadata.x < 5"], "then": "stop-pipeline"}
    state, _ = ended(make_plan, {"name": "a", "actions": [action]}, NodeResult("complete", metadata={"x": 3}))
    assert state.reason == "stop-pipeline at node-complete of node a, metadata.x > 1 and metadata.x < 5"


@pytest.mark.parametrize(("on_error", "status"), [("stop-all", "error"), ("stop-next", "error"), ("continue", None)])
def test_nobody_is_asked_about_a_node_whose_failure_lets_nothing_follow(make_plan, on_error, status):
    state, notes = ended(make_plan, acting(rules.ERROR, "require-approval", on_error=on_error), BAD)
    waits = "what follows waits for approval at node-error of node a"
    assert (state.awaiting_approval, notes) == ([], []) if status else (["a"], [waits])
    assert not status or state.status == status


@pytest.mark.parametrize(
    ("on_error", "status", "attempts", "again"),
    [
        ("retry", "error", 1, True),
        ("retry", "crashed", 2, True),
        ("retry", "error", rules.ATTEMPTS, False),
        ("retry", "error", 0, False),
        ("retry", "stopped", 1, False),
        ("retry", "complete", 1, False),
        ("stop-all", "error", 1, False),
    ],
)
def test_which_failures_are_tried_again(make_plan, on_error, status, attempts, again):
    node = make_plan([{"name": "a", "on-error": on_error}]).nodes[0]
    assert rules.is_tried_again(node, NodeResult(status), attempts) == again


@pytest.mark.parametrize(
    ("status", "of_node"),
    [("complete", "complete"), ("stopped", "stopped"), ("error", "error"), ("crashed", "error"), (None, "error")],
)
def test_the_status_of_a_node(status, of_node):
    assert rules.node_status(status) == of_node


def test_what_may_follow_is_known_before_anything_runs(make_plan):
    starting, complete = acting(rules.STARTING, "stop-pipeline"), acting(rules.COMPLETE, "require-approval")
    asks, plain = (make_plan([node]).nodes[0] for node in (complete, {"name": "a", "on-error": "stop-next"}))
    stops = make_plan([{**starting, "on-error": "continue"}]).nodes[0]
    assert rules.may_end_all(stops, rules.STARTING)
    assert not rules.may_end_all(stops, rules.COMPLETE, rules.ERROR)
    assert rules.may_end_all(asks, rules.COMPLETE, rules.ERROR), "by its on-error"
    assert not rules.may_end_all(plain, rules.STARTING, rules.COMPLETE, rules.ERROR)
    assert (rules.may_ask(asks), rules.may_ask(stops)) == (True, False)
    assert [rules.decides_when_ended(node) for node in (stops, asks, plain)] == [True, True, False]
    assert (rules.alone(stops).on_error, rules.alone(stops).actions) == ("stop-all", ())


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (UsageError("no such value"), "error", False),
        (ProjectError("no such step"), "error", False),
        (ImageNotFound("no image"), "error", True),
        (SurroundingsError("the engine is away"), "error", True),
        (Interrupted("asked"), "stopped", False),
    ],
)
def test_what_another_try_cannot_help_is_not_tried_again(make_plan, error, status, again):
    node = make_plan([{"name": "a", "on-error": "retry"}]).nodes[0]
    result = rules.without_end(error)
    assert (result.status, result.error) == (status, error.message)
    assert rules.is_tried_again(node, result, 1) == again
