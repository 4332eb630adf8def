"""What an earlier run of a pipeline leaves for a later one, and what is looked at before anything starts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from localhai.errors import ProjectError, UsageError
from localhai.pipelines.graph import Graph
from localhai.pipelines.results import NodeResult
from localhai.pipelines.resuming import begun, keep, left, parse_reuse, recorded_plan, reuse
from localhai.pipelines.runners import Kept, Made, preflight, refuse_unknown_types

CHAIN = [["a.dependency.*", "b.dependency.*"], ["b.dependency.*", "c.dependency.*"]]


def kept_of(node: Any) -> Kept:
    """What the runner of these tests gives for a node: it can be told from that of another pipeline."""
    return Kept(Made(execution_id=f"{node.counter}/{node.name}"), NodeResult("complete"))


class Runner:
    """Knows no node whose status is not complete; finds fault with those of `faults`."""

    def __init__(self, faults: dict[str, Exception] | None = None) -> None:
        self.faults = faults or {}
        self.checked: list[Any] = []

    def earlier(self, home: Any, node: Any) -> Kept | None:
        assert home.is_home
        return kept_of(node) if node.status == "complete" else None

    def check(self, sources: Any, node: Any, awaiting: Any, *, secrets: Any) -> None:
        self.checked.append((sources, node.name, [edge.source for edge in awaiting], secrets))
        if node.name in self.faults:
            raise self.faults[node.name]


def earlier_node(name: str, status: str = "complete", counter: int = 7, **more: Any) -> Any:
    facts = {"type": "execution", "execution": None, "task": None, **more}
    return SimpleNamespace(name=name, status=status, counter=counter, **facts)


def earlier_run(plan: Any, nodes: list[Any], counter: int = 7) -> Any:
    by_name = {node.name: node for node in nodes}
    return SimpleNamespace(nodes=nodes, counter=counter, document={"plan": plan.to_dict()}, node=by_name.get)


@pytest.fixture
def home() -> Any:
    """Its pipelines are in `runs`, by what finds them."""
    runs: dict[str, Any] = {}

    def find(reference: str, project_id: str) -> Any:
        assert project_id == "project"
        return runs[reference]

    return SimpleNamespace(is_home=True, runs=runs, records=SimpleNamespace(pipelines=SimpleNamespace(find=find)))


RUNNERS: dict[str, Any] = {"execution": Runner()}


@pytest.mark.parametrize("spec", ["", "5", "5:", ":a", " :a", "5: , "])
def test_what_names_no_pipeline_or_no_nodes_is_refused(spec: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_reuse(spec)
    assert refused.value.message == f"--reuse={spec} names no pipeline and its nodes"
    assert refused.value.hints == ("--reuse=5:preprocess,train*  or  --reuse=latest:*",)


def test_a_pipeline_and_patterns_of_its_nodes() -> None:
    assert parse_reuse(" latest : a ,, b:c*,") == ("latest", ("a", "b:c*"))


def test_what_is_named_takes_the_place_of_nodes_and_the_later_counts(make_plan: Any, home: Any) -> None:
    plan = make_plan(["a", "ab", "c"])
    for counter in (7, 8):
        home.runs[str(counter)] = earlier_run(plan, [earlier_node(name, counter=counter) for name in ("a", "ab", "c")])
    found = reuse(home, "project", plan, ["7:a*", "8:c,ab"], RUNNERS)
    assert {name: item.made.execution_id for name, item in found.items()} == {"a": "7/a", "ab": "8/ab", "c": "8/c"}
    assert reuse(home, "project", plan, [], RUNNERS) == {}


def test_what_cannot_be_reused_is_said(make_plan: Any, home: Any) -> None:
    plan = make_plan(["a", "b"])
    failed = earlier_node("b", "error")
    home.runs["latest"] = earlier_run(plan, [earlier_node("x"), failed])
    for spec, message, where, hint in [
        ("latest:z*", "--reuse=latest:z* matches no node of pipeline p", None, "its nodes: a, b"),
        ("latest:a", "pipeline #7 has no node a to reuse", None, "its nodes: x, b"),
        (
            "latest:b",
            "node b of pipeline #7 cannot be reused: it did not succeed, or its files are gone",
            "node b",
            "it is error: localhai pipeline info 7",
        ),
    ]:
        with pytest.raises(UsageError) as refused:
            reuse(home, "project", plan, [spec], RUNNERS)
        assert (refused.value.message, refused.value.where, refused.value.hints) == (message, where, (hint,))
    failed.status, failed.type = "complete", "task"  # of a type that nobody runs here
    with pytest.raises(UsageError, match="cannot be reused"):
        reuse(home, "project", plan, ["latest:b"], RUNNERS)


def test_what_succeeded_and_is_the_same_is_kept(make_plan: Any, home: Any) -> None:
    plan = make_plan(["a", "b", "c"], CHAIN)
    complete = [earlier_node(name) for name in "abc"]
    assert recorded_plan(earlier_run(plan, complete)) == plan

    def kept(now: Any, nodes: list[Any] = complete) -> list[str]:
        found = keep(home, earlier_run(plan, nodes), now, RUNNERS)
        assert all(item == kept_of(earlier_node(name)) for name, item in found.items())
        return list(found)

    assert kept(plan) == ["a", "b", "c"]
    assert kept(make_plan(["a", "b", "c"], CHAIN, {"b.n": 5})) == ["a"], "other values, and what is behind them"
    assert kept(make_plan(["a", "b", "c"], CHAIN[:1])) == ["a", "b"], "other edges"
    assert kept(make_plan(["a", "b", "c", "d"], CHAIN)) == ["a", "b", "c"], "a node more"
    assert kept(plan, [earlier_node("a", "error"), *complete[1:]]) == [], "nothing before it runs again"
    assert kept(plan, [complete[0], earlier_node("b", type="task"), complete[2]]) == ["a"], "nobody runs its type"


def test_tasks_that_were_begun_go_on(make_plan: Any) -> None:
    plan = make_plan(["a", "b", "c", "d"])
    nodes = [
        earlier_node("a", task={"id": "t1", "status": "started"}),
        earlier_node("b", task={"id": "t2", "status": None}),  # is gone
        earlier_node("c"),
        earlier_node("d", task={"id": "t4", "status": "error"}),
    ]
    now = make_plan(["a", "b", "c", "d"], given={"d.n": 5})
    assert begun(earlier_run(plan, nodes), now) == {"a": Made(task_id="t1")}


def test_what_a_dead_localhai_left_of_each_node(make_plan: Any, home: Any) -> None:
    plan = make_plan(["a", "b", "c", "d", "e"])
    running, gone = {"id": "x", "status": "started"}, {"id": "x", "status": None}
    nodes = [
        earlier_node("a", "complete", execution=running),
        earlier_node("b", "complete", execution=gone),
        earlier_node("c", "started", task=running),
        earlier_node("d", "started", task=gone, execution=gone),
        earlier_node("e", "created"),
    ]
    made, over = left(home, earlier_run(plan, nodes), RUNNERS)
    assert made == {"a": Made(execution_id="x"), "c": Made(task_id="x")}
    assert over == {"b": kept_of(nodes[1])}


def test_nodes_of_a_type_that_nobody_runs_are_refused_together(make_plan: Any) -> None:
    nodes = ["a", {"name": "d", "type": "deployment", "deployment": "x"}, {"name": "t", "type": "task", "task": "t"}]
    plan = make_plan(nodes)
    refuse_unknown_types(plan, {"execution": 1, "task": 1, "deployment": 1})
    with pytest.raises(ProjectError) as refused:
        refuse_unknown_types(plan, {"execution": 1})
    listed = "d (deployment), t (task)"
    assert refused.value.message == f"pipeline p has nodes of a type that does not run on this machine: {listed}"
    assert refused.value.where == "pipeline p"
    assert refused.value.hints == ("nothing was started; `localhai pipeline plan` shows the whole pipeline",)


def test_every_node_is_checked_with_what_it_waits_for_before_any_starts(make_plan: Any) -> None:
    plan = make_plan([{"name": "d", "type": "deployment", "deployment": "x"}, "a", "b", "c"], CHAIN)
    runner = Runner()
    preflight("sources", plan, {"execution": runner}, secrets=["S"])  # type: ignore[arg-type, dict-item]
    assert runner.checked == [
        ("sources", "a", [], ["S"]),
        ("sources", "b", ["a"], ["S"]),
        ("sources", "c", ["b"], ["S"]),
    ]
    preflight("sources", plan, {"execution": runner})  # type: ignore[arg-type, dict-item]
    assert runner.checked[-1] == ("sources", "c", ["b"], ())
    for kind in (UsageError, ProjectError):
        faulty = Runner({"b": kind("wrong", where="elsewhere")})
        with pytest.raises(kind, match="wrong") as refused:
            preflight("sources", plan, {"execution": faulty})  # type: ignore[arg-type, dict-item]
        assert refused.value.where == "node b of pipeline p"
        assert len(faulty.checked) == 2


def test_nodes_of_a_cycle_are_in_no_order(make_plan: Any) -> None:
    plan = make_plan(["a", "b", "c", "d"], [["a.dependency.*", "d.dependency.*"]])
    edges = (
        plan.edges[0],
        replace(plan.edges[0], source="b", target="c"),
        replace(plan.edges[0], source="c", target="b"),
    )
    graph = Graph(replace(plan, edges=(*edges, edges[0])))
    assert graph.ordered() == ["a", "d"]
    assert graph.before == {"a": (), "b": ("c",), "c": ("b",), "d": ("a",)}
    assert graph.after == {"a": ("d",), "b": ("c",), "c": ("b",), "d": ()}
    assert graph.into["d"] == [edges[0], edges[0]]
    assert graph.keepable(["d", "b"]) == []
    assert graph.keepable(["d", "a"]) == ["a", "d"]


def test_beside_a_node_runs_what_does_not_wait_for_it_and_it_not_for_that(make_plan):
    ways = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "e")]
    graph = Graph(make_plan(list("abcdef"), [[f"{one}.dependency.*", f"{two}.dependency.*"] for one, two in ways]))
    found = {name: "".join(graph.beside(name)) for name in "abcdef"}
    assert found == {"a": "f", "b": "cf", "c": "bf", "d": "f", "e": "f", "f": "abcde"}
