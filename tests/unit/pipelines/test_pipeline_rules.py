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


@pytest.mark.parametrize(("on_error", "outcome"), [("stop-all", "error"), ("retry", "error"), ("stop-next", None)])
def test_a_failure_is_told_with_its_cause(make_plan, on_error, outcome):
    node = make_plan([{"name": "a", "on-error": on_error}]).nodes[0]
    assert rules.at_end(node, BAD) == rules.Verdict(outcome, fails=True, reason="node a ended as error: exit code 1")
    crashed = rules.at_end(node, NodeResult("crashed"))
    assert crashed == rules.Verdict(outcome, fails=True, reason="node a ended as crashed")
    assert rules.at_end(node, OK) == rules.Verdict()


def test_a_failure_that_is_continued_is_no_failure(make_plan):
    node = make_plan([{"name": "a", "on-error": "continue"}]).nodes[0]
    assert rules.at_end(node, BAD) == rules.Verdict()


def test_an_approval_is_told_with_its_cause(make_plan):
    when = [{"when": rules.COMPLETE, "if": "1 < 2", "then": "require-approval"}]
    node = make_plan([{"name": "a", "actions": [*when, *when]}]).nodes[0]
    cause = "node-complete of node a, 1 < 2"
    assert rules.at_end(node, OK) == rules.Verdict(hold=True, reason=f"approval is required at {cause}", cause=cause)


def test_what_is_not_known_does_nothing_and_is_said(make_plan):
    node = make_plan([acting(rules.COMPLETE, "explode", "noop", "stop-pipeline")]).nodes[0]
    said = "then 'explode' at node-complete of node a is not known and does nothing"
    assert rules.at_end(node, OK).notes == (said,)
    failing = make_plan([acting(rules.ERROR, "explode", "noop")]).nodes[0]
    verdict = rules.at_end(failing, BAD)
    assert verdict.notes == ("then 'explode' at node-error of node a is not known and does nothing",)
    assert (verdict.outcome, verdict.fails) == ("error", True)


def test_a_condition_that_cannot_be_evaluated_is_false_and_said_and_others_still_act(make_plan):
    actions = [
        {"when": rules.COMPLETE, "if": ["1 < 2", "metadata.missing > 1"], "then": "error-pipeline"},
        {"when": rules.STARTING, "if": "1 < 2", "then": "error-pipeline"},
        {"when": rules.COMPLETE, "if": "2 < 1", "then": "error-pipeline"},
        {"when": rules.COMPLETE, "then": "stop-pipeline"},
    ]
    verdict = rules.at_end(make_plan([{"name": "a", "actions": actions}]).nodes[0], OK)
    assert (verdict.outcome, verdict.reason) == ("stopped", "stop-pipeline at node-complete of node a")
    assert len(verdict.notes) == 1
    assert verdict.notes[0].startswith("condition 'metadata.missing > 1' counts as false: ")
    assert not verdict.notes[0].endswith((": ", ": NoneType", ": None"))
    assert rules.holds(["1 +"], {}, {})[1] not in {None, "condition '1 +' counts as false: SyntaxError"}


@pytest.mark.parametrize(
    ("conditions", "true"),
    [
        ((), True),
        (("metadata.loss < 1",), True),
        (("metadata.a.b == 2",), True),
        (("metadata.c d > 1",), None),
        (("parameter.n == 7", "metadata.loss < 1"), True),
        (("parameter.n == 7", "metadata.loss > 1"), False),
        (("parameter.loss < 1",), None),
    ],
)
def test_conditions_see_metadata_and_parameters(conditions, true):
    held, trouble = rules.holds(conditions, {"loss": 0.5, "a.b": 2, "n": 1}, {"n": 7})
    assert held == bool(true)
    assert (trouble is None) == (true is not None)


def test_a_start_sees_what_was_before_and_what_it_starts_with(make_plan):
    stop = {"when": rules.STARTING, "then": "stop-pipeline"}
    before = [NodeResult("complete", metadata={"x": 1, "y": 1}), NodeResult("complete", metadata={"x": 2})]
    for condition, stops in [
        ("metadata.x == 2", True),
        ("metadata.y == 1", True),
        ("parameter.n == 9", True),
        ("parameter.text == 'x'", True),
        ("parameter.n == 1", False),
    ]:
        node = make_plan([{"name": "a", "actions": [{**stop, "if": condition}]}]).nodes[0]
        assert (rules.at_start(node, {"n": 9}, before).outcome == "stopped") == stops, condition
        assert rules.at_end(node, OK).outcome is None


def test_an_end_sees_the_values_that_it_ran_with(make_plan):
    stop = {"when": [rules.COMPLETE, rules.ERROR], "then": "stop-pipeline"}
    for condition, result in [
        ("parameter.n == 3", NodeResult("complete", parameters={"n": 3})),
        ("parameter.n == 5", NodeResult("complete")),
        ("parameter.text == 'x'", NodeResult("error")),
        ("metadata.k == 4", NodeResult("error", metadata={"k": 4})),
    ]:
        node = make_plan([{"name": "a", "actions": [{**stop, "if": condition}]}], given={"a.n": 5}).nodes[0]
        assert rules.at_end(node, result).outcome == "stopped", condition
        assert rules.at_start(node, {}, []).outcome is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [("a.parameter.n", ("a", "n")), ("a.parameters.n.m", ("a", "n.m")), ("a.n", ("a", "n")), ("a.", ("a", ""))],
)
def test_what_a_parameter_of_the_pipeline_sets(text, meant):
    assert rules.target_of(text) == meant


def test_no_value_is_an_empty_text_for_texts_alone():
    assert rules.set_by_pipeline({"n": None, "t": None, "m": 0, "u": ""}, {"t", "u"}) == {"t": "", "m": 0, "u": ""}


def test_the_texts_of_a_step():
    assert rules.text_parameters(None) == set()
    from valohai_yaml.objs import Step

    parameters = [{"name": "n", "type": "integer"}, {"name": "t", "type": "string"}]
    step = Step.parse({"name": "s", "image": "i", "command": "c", "parameters": parameters})
    assert rules.text_parameters(step) == {"t"}


def test_which_events_a_node_acts_on(make_plan):
    node = make_plan([acting(rules.STARTING, "noop"), "b"]).nodes[0]
    assert rules.acts(node, rules.STARTING)
    assert rules.acts(node, rules.COMPLETE, rules.STARTING)
    assert not rules.acts(node, rules.COMPLETE, rules.ERROR)
    assert not rules.may_end_all(node, rules.STARTING)
    asks = make_plan([acting(rules.STARTING, "require-approval", on_error="stop-next")]).nodes[0]
    assert not rules.may_end_all(asks, rules.STARTING)
    assert rules.may_end_all(node, rules.ERROR)
    assert not rules.may_end_all(make_plan([{"name": "a", "on-error": "continue"}]).nodes[0], rules.ERROR)
    assert rules.may_end_all(make_plan([{"name": "a", "on-error": "retry"}]).nodes[0], rules.ERROR)
    assert rules.decides_when_ended(make_plan([acting(rules.ERROR, "noop")]).nodes[0])
    assert not rules.decides_when_ended(node)
