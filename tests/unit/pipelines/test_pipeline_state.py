import itertools

import pytest
from msgspec.structs import replace

from localhai.pipelines.results import NodeResult
from localhai.pipelines.rules import ATTEMPTS
from localhai.pipelines.state import PipelineState

OK = NodeResult("complete")
BAD = NodeResult("error", error="exit code 1")


def wait(source, target):
    return [f"{source}.dependency.*", f"{target}.dependency.*"]


def names(starts):
    return [start.node for start in starts]


def run_all(state, results=None, approve=()):
    """Run to the end or to an approval; gives the order of starts."""
    order = []
    while True:
        found = state.ready()
        for start in found:
            state.started(start.node)
            order.append(start.node)
        for start in found:
            result = (results or {}).get(start.node, OK)
            state.finished(start.node, result(start) if callable(result) else result)
        if not found and not [state.approved(name) for name in state.awaiting_approval if name in approve]:
            return order


def test_nodes_start_when_all_their_sources_have_ended(make_plan):
    state = PipelineState(make_plan(["a", "b", "c"], [wait("a", "c"), wait("b", "c")]))
    assert names(state.ready()) == ["a", "b"]
    assert state.ready() == []
    state.finished("a", OK)
    assert state.ready() == []
    state.finished("b", OK)
    assert names(state.ready()) == ["c"]
    assert not state.is_done
    state.finished("c", OK)
    assert state.is_done
    assert state.status == "complete"


def test_a_limit_takes_no_more_and_loses_none(make_plan):
    state = PipelineState(make_plan(["a", "b", "c"]))
    assert [names(state.ready(1)) for _ in range(4)] == [["a"], ["b"], ["c"], []]


def diamond(make_plan, **of_b):
    """a and b are independent, b feeds c, a feeds d."""
    return PipelineState(make_plan(["a", {"name": "b", **of_b}, "c", "d"], [wait("b", "c"), wait("a", "d")]))


def test_stop_all_stops_running_siblings_and_starts_nothing_more(make_plan):
    state = diamond(make_plan)
    state.ready()
    state.finished("b", BAD)
    assert state.to_stop == ["a"]
    assert state.status == "stopping"
    state.finished("a", NodeResult("stopped"))
    assert state.ready() == []
    assert state.status == "error"
    assert state.statuses == {"a": "stopped", "b": "error", "c": "stopped", "d": "stopped"}
    assert "exit code 1" in state.reason


def test_stop_next_keeps_what_follows_from_running_and_nothing_else(make_plan):
    state = diamond(make_plan, **{"on-error": "stop-next"})
    assert run_all(state, {"b": BAD}) == ["a", "b", "d"]
    assert state.statuses == {"a": "complete", "b": "error", "c": "stopped", "d": "complete"}
    assert state.status == "error"


def test_continue_goes_on_as_if_nothing_had_happened(make_plan):
    state = diamond(make_plan, **{"on-error": "continue"})
    assert sorted(run_all(state, {"b": BAD})) == ["a", "b", "c", "d"]
    assert state.statuses["b"] == "error"
    assert state.status == "complete"


def test_retry_tries_again_and_then_stops_all(make_plan):
    state = diamond(make_plan, **{"on-error": "retry"})
    order = run_all(state, {"b": BAD})
    assert order.count("b") == ATTEMPTS
    assert state.status == "error"
    assert state.statuses["c"] == "stopped"


def test_retry_that_succeeds_is_a_success(make_plan):
    state = diamond(make_plan, **{"on-error": "retry"})
    order = run_all(state, {"b": lambda start: BAD if start.attempt == 1 else OK})
    assert order.count("b") == 2
    assert state.status == "complete"


def action(when, then, condition=None):
    return {"actions": [{"when": when, "then": then, **({"if": condition} if condition else {})}]}


@pytest.mark.parametrize(
    ("then", "status"), [("stop-pipeline", "stopped"), ("error-pipeline", "error"), ("noop", "complete")]
)
def test_an_action_ends_the_pipeline(make_plan, then, status):
    node = {"name": "a", **action("node-complete", then, "metadata.val-loss > 0.5")}
    state = PipelineState(make_plan([node, "b"], [wait("a", "b")]))
    run_all(state, {"a": NodeResult("complete", metadata={"val-loss": "0.9"})})
    assert state.status == status
    assert state.statuses["a"] == "complete"


def test_an_action_of_the_last_node_ends_the_pipeline_too(make_plan):
    state = PipelineState(make_plan([{"name": "a", **action("node-complete", "error-pipeline")}]))
    run_all(state)
    assert state.status == "error"
    assert "error-pipeline" in state.reason


@pytest.mark.parametrize("condition", ["metadata.loss > 0.5", "metadata.missing > 1", "1 +"])
def test_an_action_whose_condition_is_not_true_does_nothing(make_plan, condition):
    state = PipelineState(make_plan([{"name": "a", **action("node-complete", "stop-pipeline", condition)}]))
    run_all(state, {"a": NodeResult("complete", metadata={"loss": 0.1})})
    assert state.status == "complete"


def test_a_condition_that_cannot_be_read_is_said(make_plan):
    state = PipelineState(
        make_plan([{"name": "a", **action("node-complete", "stop-pipeline", "metadata.missing > 1")}])
    )
    run_all(state)
    assert any("metadata.missing > 1" in (change.reason or "") for change in state.drain())


def test_all_conditions_must_hold(make_plan):
    node = {"name": "a", **action("node-complete", "stop-pipeline", ["metadata.x > 1", "metadata.x > 5"])}
    state = PipelineState(make_plan([node]))
    run_all(state, {"a": NodeResult("complete", metadata={"x": 3})})
    assert state.status == "complete"


def test_conditions_know_the_parameters_of_the_node(make_plan):
    node = {"name": "a", **action("node-starting", "stop-pipeline", "parameter.n == 7")}
    state = PipelineState(make_plan([node], given={"a.n": 7}))
    assert state.ready() == []
    assert state.status == "stopped"
    assert PipelineState(make_plan([node])).ready() != []


def test_node_error_actions_happen_after_the_last_attempt(make_plan):
    node = {"name": "a", "on-error": "retry", **action("node-error", "stop-pipeline")}
    state = PipelineState(make_plan([node]))
    assert run_all(state, {"a": BAD}) == ["a"] * ATTEMPTS
    assert state.status == "stopped"


def test_approval_before_a_node_holds_it_and_nothing_else(make_plan):
    node = {"name": "b", **action("node-starting", "require-approval")}
    state = PipelineState(make_plan(["a", node, "c"], [wait("a", "b")]))
    assert run_all(state) == ["a", "c"]
    assert state.awaiting_approval == ["b"]
    assert state.status == state.statuses["b"] == "waiting-approval"
    assert not state.approved("a")
    assert run_all(state, approve={"b"}) == ["b"]
    assert state.status == "complete"


def test_approval_after_a_node_holds_what_follows(make_plan):
    node = {"name": "a", **action("node-complete", "require-approval")}
    state = PipelineState(make_plan([node, "b"], [wait("a", "b")]))
    assert run_all(state) == ["a"]
    assert not state.is_done
    assert run_all(state, approve={"a"}) == ["b"]
    assert state.status == "complete"


def test_stop_ends_what_waits_for_approval(make_plan):
    state = PipelineState(make_plan([{"name": "a", **action("node-starting", "require-approval")}]))
    run_all(state)
    state.stop("Ctrl-C")
    assert state.is_done
    assert state.status == "stopped"


def test_stop_after_the_end_changes_nothing(make_plan):
    state = PipelineState(make_plan(["a"]))
    run_all(state)
    state.stop("too late")
    assert state.status == "complete"


def test_a_node_that_gets_no_file_is_an_error(make_plan):
    state = PipelineState(make_plan(["a", "b"], [["a.output.*.pkl", "b.input.need"]]))
    assert run_all(state) == ["a"]
    assert state.statuses["b"] == "error"
    assert state.status == "error"
    assert "input need gets no file" in state.reason


def test_resuming_runs_only_what_has_not_succeeded(make_plan):
    plan = make_plan(["a", "b", "c", "d"], [wait("a", "b"), wait("b", "c"), wait("a", "d")])
    state = PipelineState(plan, kept={"a": OK, "d": OK, "c": OK})
    assert [(change.node, change.reason) for change in state.drain() if change.status == "complete"] == [
        ("a", "kept"),
        ("d", "kept"),
    ]
    assert run_all(state) == ["b", "c"]  # c ran on what an earlier b made
    assert state.status == "complete"


def test_everything_kept_is_complete_at_once(make_plan):
    state = PipelineState(make_plan(["a", "b"], [wait("a", "b")]), kept={"a": OK, "b": OK})
    assert state.is_done
    assert state.status == "complete"


def test_every_change_is_told_once_in_order(make_plan):
    state = PipelineState(make_plan(["a"]))
    run_all(state)
    assert [change.status for change in state.drain()] == ["queued", "started", "complete"]
    assert state.drain() == []


def test_a_node_behind_one_that_was_reused_goes_on_when_what_was_before_fails(make_plan):
    nodes = [{"name": "a", "on-error": "stop-next"}, "b", "c", "d"]
    plan = make_plan(nodes, [wait("a", "b"), wait("b", "c"), wait("a", "d")])
    state = PipelineState(plan, reused={"b": OK})
    assert names(state.ready()) == ["a", "c"]
    state.finished("a", BAD)
    assert state.statuses == {"a": "error", "b": "complete", "c": "queued", "d": "stopped"}
    assert not state.is_done
    state.finished("c", OK)
    assert (state.is_done, state.statuses["c"]) == (True, "complete")


def told(state):
    """All changes since the last time, as texts."""
    return [
        f"{change.node}: {change.status or '-'}" + (f" ({change.reason})" if change.reason else "")
        for change in state.drain()
    ]


def test_what_is_told_of_a_failure_that_stops_all(make_plan):
    state = diamond(make_plan)
    run_all(state, {"a": BAD, "b": NodeResult("stopped", error="asked")})
    assert told(state) == [
        "a: queued",
        "b: queued",
        "a: started",
        "b: started",
        "a: error (exit code 1)",
        "c: stopped (node a failed)",
        "d: stopped (node a failed)",
        "b: stopped (asked)",
    ]
    assert (state.status, state.reason) == ("error", "node a ended as error: exit code 1")


def test_what_is_told_of_a_failure_that_stops_what_follows(make_plan):
    state = diamond(make_plan, **{"on-error": "stop-next"})
    run_all(state, {"a": NodeResult("complete", note="reused #4"), "b": BAD})
    assert told(state) == [
        "a: queued",
        "b: queued",
        "a: started",
        "b: started",
        "a: complete (reused #4)",
        "d: queued",
        "b: error (exit code 1)",
        "c: stopped (node b failed)",
        "d: started",
        "d: complete",
    ]
    assert state.reason == "failed: b"


def test_all_that_failed_are_named(make_plan):
    nodes = [{"name": name, "on-error": "stop-next"} for name in ("a", "b")]
    state = PipelineState(make_plan(nodes))
    assert state.reason is None
    run_all(state, {"a": BAD, "b": BAD})
    assert (state.status, state.reason) == ("error", "failed: a, b")


def test_what_is_told_of_attempts(make_plan):
    state = PipelineState(make_plan([{"name": "a", "on-error": "retry"}, "b"], [wait("a", "b")]))
    run_all(state, {"a": lambda start: BAD if start.attempt == 1 else NodeResult("crashed")})
    assert told(state) == [
        "a: queued",
        "a: started",
        "a: queued (exit code 1; attempt 1 of 3)",
        "a: started",
        "a: queued (crashed; attempt 2 of 3)",
        "a: started",
        "a: error",
        "b: stopped (node a failed)",
    ]
    assert state.reason == "node a ended as crashed"


def test_what_is_told_of_approvals(make_plan):
    start, end = (action(when, "require-approval") for when in ("node-starting", "node-complete"))
    state = PipelineState(make_plan([{"name": "a", **start}, {"name": "b", **end}, "c"], [wait("b", "c")]))
    assert run_all(state) == ["b"]
    assert (state.status, state.awaiting_approval) == ("waiting-approval", ["a", "b"])
    assert state.approved("a")
    assert not state.approved("a")
    assert (state.status, state.awaiting_approval) == ("started", ["b"])
    assert state.approved("b")
    assert run_all(state) == ["a", "c"]
    assert told(state) == [
        "a: queued",
        "b: queued",
        "a: waiting-approval (node-starting of node a)",
        "b: started",
        "b: complete",
        "b: - (what follows waits for approval at node-complete of node b)",
        "a: queued (approved)",
        "b: - (approved)",
        "c: queued",
        "a: started",
        "c: started",
        "a: complete",
        "c: complete",
    ]


def test_a_pipeline_that_waits_and_runs_is_started(make_plan):
    held = {"name": "a", **action("node-starting", "require-approval")}
    state = PipelineState(make_plan([held, "b"]))
    state.ready(1)
    assert state.status == "started", "b may start"
    state.ready()
    assert (state.status, state.running, state.to_stop) == ("started", ["b"], [])
    state.finished("b", OK)
    assert state.status == "waiting-approval"
    state.stop("asked")
    assert (state.status, state.reason, state.awaiting_approval) == ("stopped", "asked", [])


def test_a_stop_ends_what_waits_and_lets_end_what_runs(make_plan):
    state = PipelineState(make_plan(["a", "b"], [wait("a", "b")]))
    state.ready()
    state.drain()
    state.stop("asked to stop")
    state.stop("asked again")
    assert (state.status, state.reason, state.to_stop) == ("stopping", "asked to stop", ["a"])
    assert told(state) == ["b: stopped (asked to stop)"]
    state.finished("a", NodeResult("crashed", error="the engine is away"))
    assert told(state) == ["a: error (the engine is away)"]
    assert (state.status, state.is_done, state.to_stop) == ("stopped", True, [])


def test_a_node_that_ends_the_pipeline_as_it_starts_takes_back_those_before_it(make_plan):
    ending = {"name": "b", **action("node-starting", "error-pipeline")}
    state = PipelineState(make_plan(["a", ending, "c"]))
    assert state.ready() == []
    assert (state.status, state.is_done, state.running) == ("error", True, [])
    assert state.reason == "error-pipeline at node-starting of node b"
    assert set(state.statuses.values()) == {"stopped"}
    why = "error-pipeline at node-starting of node b"
    assert told(state)[3:] == [f"b: stopped ({why})", f"c: stopped ({why})", f"a: stopped ({why})"]


def test_actions_and_approvals_of_a_start_happen_once(make_plan):
    node = {"name": "a", "on-error": "retry", **action("node-starting", ["require-approval", "explode"])}
    state = PipelineState(make_plan([node]))
    assert run_all(state) == []
    assert run_all(state, {"a": lambda start: BAD if start.attempt == 1 else OK}, approve={"a"}) == ["a", "a"]
    assert state.status == "complete"
    assert sum("explode" in text for text in told(state)) == 1


def test_what_is_reused_is_told_and_comes_before_what_is_kept(make_plan):
    plan = make_plan(["a", "b", "c"], [wait("a", "b"), wait("b", "c")])
    state = PipelineState(plan, kept={"a": OK, "b": BAD}, reused={"b": OK})
    assert told(state) == ["a: queued", "b: complete (reused)", "c: queued", "a: complete (kept)"]
    assert names(state.ready()) == ["c"]


class Counted(dict):
    """How often anybody asked."""

    asked = 0

    def __getitem__(self, key):
        self.asked += 1
        return super().__getitem__(key)


@pytest.mark.parametrize("roots", [20, 200])
def test_many_failing_roots_look_at_each_node_behind_them_once(make_plan, roots):
    behind = [f"behind-{number}" for number in range(50)]
    chain = [wait(one, other) for one, other in itertools.pairwise(behind)]
    starts = [{"name": f"root-{number}", "on-error": "stop-next"} for number in range(roots)]
    plan = make_plan([*starts, *behind], [*chain, *(wait(root["name"], behind[0]) for root in starts)])
    state = PipelineState(plan)
    state.graph.after = Counted(state.graph.after)
    for start in state.ready():
        state.finished(start.node, BAD)
    assert state.is_done
    assert set(state.statuses.values()) == {"error", "stopped"}
    assert state.graph.after.asked == roots + len(behind)


class Name(str):
    """A name that counts how often it is compared with another."""

    __slots__ = ()
    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        Name.compared += 1
        return str.__eq__(self, other)


def test_many_reused_roots_leave_the_queue_without_a_search(make_plan, monkeypatch):
    monkeypatch.setattr(Name, "compared", 0)
    named = [Name(f"node-{number}") for number in range(500)]
    plan = make_plan(list(map(str, named)))
    nodes = tuple(replace(node, name=name) for node, name in zip(plan.nodes, named, strict=True))
    state = PipelineState(replace(plan, nodes=nodes), reused=dict.fromkeys(reversed(named), OK))
    assert state.is_done
    assert Name.compared <= 10 * len(named)
