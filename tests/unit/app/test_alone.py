"""A node of a pipeline that runs where the others did not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from localhai.app.nodes.alone import behind
from localhai.pipelines.plan import Action, Edge, Node, PipelinePlan
from localhai.pipelines.results import NodeResult
from localhai.pipelines.running import PipelineStart


def test_the_nodes_before_it_have_run_and_what_follows_from_its_end_is_left_out() -> None:
    asks = Action(("node-complete",), (), ("require-approval",))
    node = Node("train", "task", step="train", on_error="continue", actions=(asks,))
    edge = Edge("before", "output", "a.csv", "train", "input", "data")
    result = NodeResult("complete", outputs=(("a.csv", "datum://a"),))
    nothing: Any = SimpleNamespace()
    start = PipelineStart(nothing, PipelinePlan(name="p", nodes=(node,), edges=(edge,)), nothing, title="t")

    found = behind(start, {"before": result})

    assert [item.name for item in found.plan.nodes] == ["before", "train"]
    assert found.plan.edges == (edge,)
    assert (found.plan.nodes[1].on_error, found.plan.nodes[1].actions) == ("stop-all", ())
    assert found.reused["before"].result == result
    assert found.runners.keys() == {found.plan.nodes[0].type}
    assert found.title == "t"
