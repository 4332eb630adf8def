import json
import sys

import pytest

from localhai.errors import ProjectError, UsageError
from localhai.pipelines.arguments import parse_words
from localhai.pipelines.drawing import as_dot, as_mermaid, as_text
from localhai.pipelines.plan import Edge, Node, PipelinePlan
from localhai.pipelines.planning import plan
from localhai.pipelines.results import NodeResult
from localhai.pipelines.state import PipelineState
from localhai.system import strict_json


def test_words_are_read_as_vh_reads_them():
    words = ["--a=1", "--b", "2", "--c", "--d+=x", "--d+=y", "--e=p=q", "--n.p=-1"]
    assert parse_words(words) == {"a": "1", "b": "2", "c": "true", "d": ["x", "y"], "e": "p=q", "n.p": "-1"}


@pytest.mark.parametrize("words", [["stray"], ["--a=1", "--a=2"], ["--a=1", "--a+=2"], ["--a", "1", "2"]])
def test_words_that_cannot_be_meant_are_refused(words):
    with pytest.raises(UsageError):
        parse_words(words)


PARAMETERS = [
    {"name": "how-many", "default": 3, "targets": ["a.parameter.n", "b.parameters.n"]},
    {"name": "empty", "targets": ["a.parameter.text", "b.parameter.n"]},
    {"name": "list", "default": ["x", "y"], "target": "a.parameter.many"},
]


def test_a_pipeline_parameter_sets_all_its_targets(make_plan):
    found = make_plan(["a", "b"], parameters=PARAMETERS)
    assert found.parameters == {"how-many": 3, "empty": "", "list": ["x", "y"]}
    assert found.node("a").parameters == {"n": 3, "text": "", "many": ["x", "y"]}
    assert found.node("b").parameters == {"n": 3}


def test_what_is_given_beats_the_default_and_the_node_beats_the_pipeline(make_plan):
    found = make_plan(["a", "b"], given={"how_many": "7", "b.n": "9"}, parameters=PARAMETERS)
    assert found.parameters["how-many"] == "7"
    assert found.node("a").parameters["n"] == "7"
    assert found.node("b").parameters["n"] == "9"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"nothing": 1}, "no parameter 'nothing' in pipeline p"),
        ({"a.nothing": 1}, "no parameter or input 'nothing' in node a"),
        ({"c.n": 1}, "no parameter 'c.n' in pipeline p"),
        ({"a.in": "/no/uri"}, "is no URI"),
    ],
)
def test_what_nobody_knows_is_refused(make_plan, given, said):
    with pytest.raises(UsageError, match=said):
        make_plan(["a"], given=given)


def test_inputs_of_nodes_can_be_given(make_plan):
    found = make_plan(["a"], given={"a.in": ["s3://x/1", "s3://x/2"]})
    assert found.node("a").inputs["in"] == ("s3://x/1", "s3://x/2")
    assert PipelineState(found).ready()[0].inputs == {"in": ("s3://x/1", "s3://x/2")}


def test_an_edge_from_a_parameter_that_is_not_there_is_refused_where_its_target_has_no_value(make_plan):
    edges = [["a.parameter.lost", "b.parameter.n"], ["a.parameter.texts", "b.parameter.text"]]
    node = {"name": "b", "override": {"parameters": [{"name": "n"}, {"name": "text"}]}}
    with pytest.raises(ProjectError, match="2 edges of pipeline p cannot work") as caught:
        make_plan(["a", node], edges)
    first, second = caught.value.problems
    said = "step s of node a has no parameter 'lost', so parameter n of node b would get no value"
    assert (first.message, first.hint) == (
        said,
        "step s has: n, text, many; declare it, or give b.n a value: --b.n=...",
    )
    assert second.hint == "did you mean text?"
    assert make_plan(["a", node], edges, {"b.n": "5", "b.text": "t"}).node("b").parameters == {"n": "5", "text": "t"}


def test_edges_between_parameters_that_are_not_there_are_left_alone_where_nothing_needs_them(make_plan):
    edges = [["a.parameter.lost", "b.parameter.n"], ["a.metadata.lr", "b.parameter.texts"]]
    assert len(make_plan(["a", "b"], edges).edges) == 2


def test_a_step_from_another_commit_comes_from_its_config():
    from valohai_yaml.objs import Config

    old = Config.parse([{"step": {"name": "old", "image": "i", "command": "c", "inputs": [{"name": "theirs"}]}}])
    node = {"name": "a", "type": "execution", "step": "old", "commit": "abc"}
    config = Config.parse([{"pipeline": {"name": "p", "nodes": [node], "edges": []}}])
    found = plan(config, "p", config_at={"abc": old}.__getitem__)
    assert found.node("a").commit == "abc"
    assert list(found.node("a").inputs) == ["theirs"]


def test_a_commit_that_is_not_there_is_said_with_its_node():
    from valohai_yaml.objs import Config

    def config_at(commit):
        raise UsageError(f"there is no commit {commit!r}", where="/project")

    node = {"name": "a", "type": "execution", "step": "x", "commit": "abc"}
    with pytest.raises(UsageError) as refused:
        plan(Config.parse([{"pipeline": {"name": "p", "nodes": [node], "edges": []}}]), "p", config_at=config_at)
    assert refused.value.where == "node a"


def test_a_step_of_the_library_is_refused():
    from valohai_yaml.objs import Config

    node = {"name": "a", "type": "execution", "step": "x", "commit": "library:valohai/thing"}
    with pytest.raises(ProjectError, match="library"):
        plan(Config.parse([{"pipeline": {"name": "p", "nodes": [node], "edges": []}}]), "p")


def everything(make_plan):
    nodes = [
        {"name": "a", "override": {"image": "other", "command": ["x", "y"], "mounts": ["/a:/b"]}},
        {"name": "sweep", "type": "task", "task": "t", "on-error": "continue"},
        {"name": "d", "type": "deployment", "deployment": "dep", "aliases": ["prod"]},
        {"name": "b", "edge-merge-mode": "append", "actions": [{"when": "node-error", "if": "1 < 2", "then": "noop"}]},
    ]
    edges = [
        ["a.output.*", "sweep.input.in"],
        {"source": "sweep.output.*.pkl", "target": "d.file.e.f", "configuration": {"k": "v"}},
        ["a.dependency.*", "b.dependency.*"],
    ]
    return make_plan(nodes, edges, {"b.n": 4}, parameters=PARAMETERS[:1], **{"reuse-executions": True})


def test_a_plan_survives_json(make_plan):
    found = everything(make_plan)
    again = strict_json.convert(json.loads(json.dumps(found.to_dict())), PipelinePlan)
    assert again == found
    assert again.node("sweep").step == "s"


def test_the_graph_can_be_drawn(make_plan):
    found = everything(make_plan)
    text = as_text(found)
    assert text.index("\nsweep  (task t over step s)") < text.index("\nd  (deployment dep)")
    assert "  <- a.output.* as input in" in text
    assert "  on error: continue" in text
    assert '-->|"* → in"|' in as_mermaid(found)
    assert "n0 -.-> n3" in as_mermaid(found)
    assert '"sweep" -> "d" [label="*.pkl → file e.f"];' in as_dot(found)


def big_plan(shape, count):
    """`count` nodes and five times as many edges."""
    fan = 5
    nodes = tuple(Node(f"n{number}", "execution", "s", inputs={"in": ()}) for number in range(count))
    steps = range(1, fan + 1) if shape == "chain" else [count // 2 - number for number in range(fan)]
    edges = tuple(
        Edge(f"n{number - back}", "output", "*.pkl", f"n{number}", "input", "in")
        for back in steps
        for number in range(back, count)
    )
    return PipelinePlan("big", nodes, edges)


def run_through(plan):
    state = PipelineState(plan)
    result = NodeResult("complete", (("m.pkl", "u"),))
    while starts := state.ready():
        for start in starts:
            state.started(start.node)
            state.finished(start.node, result)
    assert state.status == "complete"
    assert len(state.drain()) == 3 * len(plan.nodes)


def work(plan):
    """How many lines Python goes through from the plan to its end."""
    done = 0

    def trace(*_):
        nonlocal done
        done += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run_through(plan)
    finally:
        sys.settrace(before)
    return done


@pytest.mark.parametrize("shape", ["wide", "chain"])
def test_twice_the_nodes_and_edges_are_twice_the_work(shape):
    """Linear, counted and not timed: a quadratic step anywhere shows as more than that."""
    small, large = work(big_plan(shape, 150)), work(big_plan(shape, 300))
    assert 10_000 < small < large < 2.1 * small


@pytest.mark.parametrize("shape", ["wide", "chain"])
def test_thousands_of_nodes_and_edges_are_no_trouble(shape):
    """More than Python's own limit for recursion, in either direction."""
    run_through(big_plan(shape, 2 * sys.getrecursionlimit()))
