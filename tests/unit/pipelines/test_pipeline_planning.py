import json
import sys

import pytest

from localhai.errors import ProjectError, UsageError
from localhai.pipelines.arguments import parse_words
from localhai.pipelines.drawing import as_dot, as_mermaid, as_text
from localhai.pipelines.plan import Action, Edge, Node, NodeOverride, PipelinePlan
from localhai.pipelines.planning import find_pipeline, plan
from localhai.pipelines.results import NodeResult
from localhai.pipelines.state import PipelineState
from localhai.project.config import load_config
from localhai.system import strict_json


def test_words_are_read_as_vh_reads_them():
    words = ["--a=1", "--b", "2", "--c", "--dim+=x", "--dim+=y", "--e=p=q", "--n.p=-1"]
    assert parse_words(words) == {"a": "1", "b": "2", "c": "true", "dim": ["x", "y"], "e": "p=q", "n.p": "-1"}


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["stray"], "'stray' is not an option of a pipeline", "write --NAME=value or --NODE.NAME=value"),
        (["--"], "'--' is not an option of a pipeline", "write --NAME=value or --NODE.NAME=value"),
        (["--a", "1", "2"], "'2' is not an option of a pipeline", "write --NAME=value or --NODE.NAME=value"),
        (["--a=1", "--a=2"], "--a is given twice", "a list is given by --a+=value, repeated"),
        (["--a+=1", "--a=2"], "--a is given twice", "a list is given by --a+=value, repeated"),
        (["--a=1", "--a+=2"], "--a is given both with += and with =", "use += for each value of a list"),
    ],
)
def test_words_that_cannot_be_meant_are_refused(words, said, hint):
    with pytest.raises(UsageError) as refused:
        parse_words(words)
    assert (refused.value.message, refused.value.hints) == (said, (hint,))


def test_a_word_at_the_end_or_before_an_option_is_true():
    assert parse_words(["--a", "--b", "-1", "--c+", "x", "--d"]) == {"a": "true", "b": "-1", "c+": "x", "d": "true"}
    assert parse_words(["--a="]) == {"a": ""}


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
    ("given", "said", "hints"),
    [
        (
            {"nothing": 1},
            "there is no parameter 'nothing' in pipeline p",
            ("known parameters: how-many, a.n, a.text, a.many, a.in, a.maybe, a.need",),
        ),
        (
            {"a.nothing": 1},
            "there is no parameter or input 'nothing' in node a",
            ("known parameters and inputs: n, text, many, in, maybe, need",),
        ),
        (
            {"c.n": 1},
            "there is no parameter 'c.n' in pipeline p",
            ("did you mean a.n?", "known parameters: how-many, a.n, a.text, a.many, a.in, a.maybe, a.need"),
        ),
        (
            {"a": 1},
            "there is no parameter 'a' in pipeline p",
            ("did you mean a.n?", "known parameters: how-many, a.n, a.text, a.many, a.in, a.maybe, a.need"),
        ),
        (
            {"a.in": "/no/uri"},
            "--a.in=/no/uri fills an input, and is no URI",
            ("write s3://..., https://..., datum://... or file:///path",),
        ),
        ({"d.x": "1"}, "node 'd' has no parameters and no inputs", ()),
    ],
)
def test_what_nobody_knows_is_refused(make_plan, given, said, hints):
    nodes = ["a", {"name": "d", "type": "deployment", "deployment": "dep"}]
    with pytest.raises(UsageError) as refused:
        make_plan(nodes, given=given, parameters=[{"name": "how_many", "default": 1}])
    assert (refused.value.message, refused.value.hints) == (said, hints)
    assert refused.value.where == ("--d.x" if "d.x" in given else None)


def test_inputs_of_nodes_can_be_given(make_plan):
    found = make_plan(["a"], given={"a.in": ["s3://x/1", "s3://x/2"]})
    assert found.node("a").inputs["in"] == ("s3://x/1", "s3://x/2")
    assert found.node("a").explicit_inputs == ("in",)
    assert PipelineState(found).ready()[0].inputs == {"in": ("s3://x/1", "s3://x/2")}


def test_more_inputs_and_parameters_of_one_node_can_be_given(make_plan):
    found = make_plan(["a"], given={"a.in": "s3://x/1", "a.maybe": "", "a.n": "2", "a.text": "t"}).node("a")
    assert found.inputs == {"in": ("s3://x/1",), "maybe": (), "need": ()}
    assert found.explicit_inputs == ("in", "maybe")
    assert found.parameters == {"n": "2", "text": "t"}


def test_what_a_node_knows_of_its_step(make_plan):
    node = {"name": "a", "override": {"parameters": [{"name": "n"}], "inputs": [{"name": "need", "default": "s3://x"}]}}
    found = make_plan([node]).node("a")
    assert (found.type, found.step, found.task, found.commit) == ("execution", "s", None, None)
    assert (found.merge_mode, found.on_error) == ("replace", "stop-all")
    assert found.inputs == {"in": ("s3://own/a",), "maybe": (), "need": ("s3://x",)}
    assert (found.optional_inputs, found.explicit_inputs) == (("maybe",), ())
    assert found.defaults == {"text": "x", "many": []}
    assert found.known_parameters == ("n", "text", "many")
    assert found.required_parameters == ("n",)
    assert found.override.inputs == {"need": ("s3://x",)}
    assert found.override.parameters == {"n": None}


def test_all_that_a_node_overrides(make_plan):
    override = {
        "image": "other",
        "command": "one line",
        "environment": "large",
        "mounts": ["/a:/b"],
        "environment-variables": [{"name": "V", "default": "w"}],
    }
    found = make_plan([{"name": "a", "override": override}, "b"])
    assert found.node("a").override == NodeOverride(
        image="other",
        command=("one line",),
        environment="large",
        mounts=({"source": "/a", "destination": "/b", "readonly": False},),
        environment_variables={"V": "w"},
    )
    assert found.node("b").override == NodeOverride()


def test_a_deployment_node_has_no_step(make_plan):
    node = {"name": "d", "type": "deployment", "deployment": "dep", "endpoints": ["x"], "aliases": ["prod"]}
    actions = [{"when": ["Node-Complete", "node-error"], "if": ["1 < 2"], "then": ["noop"]}]
    found = make_plan([{**node, "on-error": "continue", "actions": actions}]).node("d")
    assert found == Node(
        "d",
        "deployment",
        on_error="continue",
        actions=(Action(("node-complete", "node-error"), ("1 < 2",), ("noop",)),),
        deployment="dep",
        endpoints=("x",),
        aliases=("prod",),
    )


def test_edges_are_as_they_are_written(make_plan):
    edge = {"source": "a.output.*.pkl", "target": "b.input.in", "configuration": {"k": "v"}}
    (found,) = make_plan(["a", "b"], [edge]).edges
    assert found == Edge("a", "output", "*.pkl", "b", "input", "in", {"k": "v"})
    assert str(found) == "a.output.*.pkl -> b.input.in"
    assert found.pair == ("output", "input")
    assert found.source_end == "output *.pkl of node a"


def test_a_plan_keeps_what_was_given_and_what_it_makes_no_difference_to(make_plan):
    assert make_plan(["a"], given={"a.n": "4"}).arguments == {"a.n": "4"}
    assert make_plan(["a"]).arguments == {}
    assert make_plan(["a"]).reuse_executions is False
    found = make_plan(["a"], **{"reuse-executions": True})
    assert (found.name, found.reuse_executions) == ("p", True)
    assert "reuse-executions" in {note.key for note in found.parity}


def test_a_plan_in_another_environment(make_plan):
    found = make_plan(["a", {"name": "d", "type": "deployment", "deployment": "dep"}])
    assert found.in_environment(None) is found
    moved = found.in_environment("large")
    assert (moved.environment, moved.node("a").override.environment) == ("large", "large")
    assert moved.node("d") == found.node("d")
    with pytest.raises(KeyError, match="b"):
        found.node("b")


def test_a_pipeline_is_found_by_the_beginning_of_its_name():
    from valohai_yaml.objs import Config

    one = {"name": "Training", "nodes": [], "edges": []}
    config = Config.parse([{"pipeline": one}, {"pipeline": {**one, "name": "scoring"}}])
    assert find_pipeline(config, "train").name == "Training"
    with pytest.raises(UsageError, match="there is no pipeline 'x'"):
        find_pipeline(config, "x")
    with pytest.raises(ProjectError) as refused:
        find_pipeline(Config.parse([]), "x")
    assert refused.value.message == "valohai.yaml has no pipelines"
    assert refused.value.hints == ("a pipeline needs a name, nodes and edges",)


@pytest.mark.parametrize(
    ("node", "said", "hint"),
    [
        ({"step": "t"}, "there is no step 't' in valohai.yaml, which node a names", "known steps: s"),
        (
            {"type": "task", "task": "sweep"},
            "there is no task 'sweep', which node a names",
            "there are no tasks",
        ),
        (
            {"step": "t", "commit": "abc"},
            "there is no step 't' in commit abc, which node a names",
            "known steps: s",
        ),
    ],
)
def test_a_node_that_names_what_is_not_there_is_refused(node, said, hint):
    from valohai_yaml.objs import Config

    step = {"step": {"name": "s", "image": "i", "command": "c"}}
    pipeline = {"name": "p", "nodes": [{"name": "a", "type": "execution", **node}], "edges": []}
    config = Config.parse([step, {"pipeline": pipeline}])
    with pytest.raises(UsageError) as refused:
        plan(config, "p", config_at=lambda _commit: Config.parse([step]))
    assert refused.value.message == said
    assert refused.value.hints[-1] == hint


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
    assert (first.severity, first.code, first.position) == ("error", "unknown-parameter", None)
    assert caught.value.where == "pipeline p"
    with pytest.raises(ProjectError, match=r"^an edge of pipeline p cannot work$"):
        make_plan(["a", node], edges[1:])
    assert make_plan(["a", node], edges, {"b.n": "5", "b.text": "t"}).node("b").parameters == {"n": "5", "text": "t"}


def test_an_edge_that_cannot_give_is_said_with_its_place(tmp_path):
    path = tmp_path / "valohai.yaml"
    path.write_text(
        """\
- step: {name: bare, image: i, command: c}
- step:
    name: s
    image: i
    command: c
    parameters: [{name: n, type: integer}]
- pipeline:
    name: p
    nodes:
      - {name: a, type: execution, step: bare}
      - {name: b, type: execution, step: s}
    edges:
      - [a.dependency.*, b.dependency.*]
      - [a.parameter.lost, b.parameter.n]
"""
    )
    config = load_config(path)
    with pytest.raises(ProjectError) as caught:
        plan(config.config, "p", positions=config.positions)
    (problem,) = caught.value.problems
    assert (problem.position.line, problem.position.source) == (14, "      - [a.parameter.lost, b.parameter.n]")
    assert problem.position.source[problem.position.column - 1 :].startswith("a.parameter.lost")
    assert problem.hint == "that step has no parameters; declare it, or give b.n a value: --b.n=..."


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


@pytest.mark.parametrize(
    ("commit", "said", "where", "hints"),
    [
        (
            "library:valohai/thing",
            "node 'a' runs a step of the platform's library (library:valohai/thing), which cannot be had here",
            "node a",
            ("copy the step into your valohai.yaml to run it on this machine",),
        ),
        ("abc", "node 'a' runs a step of commit abc, which cannot be looked into here", None, ()),
    ],
)
def test_a_step_that_cannot_be_looked_into_is_refused(commit, said, where, hints):
    from valohai_yaml.objs import Config

    node = {"name": "a", "type": "execution", "step": "x", "commit": commit}
    with pytest.raises(ProjectError) as refused:
        plan(Config.parse([{"pipeline": {"name": "p", "nodes": [node], "edges": []}}]), "p")
    assert (refused.value.message, refused.value.where, refused.value.hints) == (said, where, hints)


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


def test_the_graph_as_text(make_plan):
    assert (
        as_text(everything(make_plan))
        == """\
a  (step s)
  n = 3
sweep  (task t over step s)
  on error: continue
  <- a.output.* as input in
b  (step s)
  files of edges are added to those of the inputs
  node-error if 1 < 2: noop
  n = 4
  <- a
d  (deployment dep)
  <- sweep.output.*.pkl as file e.f"""
    )


def test_the_graph_for_mermaid(make_plan):
    assert (
        as_mermaid(everything(make_plan))
        == """\
flowchart LR
    n0["a<br/>step s"]
    n1[["sweep<br/>task t over step s"]]
    n2(["d<br/>deployment dep"])
    n3["b<br/>step s"]
    n0 -->|"* → in"| n1
    n1 -->|"*.pkl → file e.f"| n2
    n0 -.-> n3"""
    )


def test_the_graph_for_graphviz(make_plan):
    assert (
        as_dot(everything(make_plan))
        == """\
digraph "p" {
    rankdir=LR;
    "a" [shape=box, label="a\\nstep s"];
    "sweep" [shape=box3d, label="sweep\\ntask t over step s"];
    "d" [shape=ellipse, label="d\\ndeployment dep"];
    "b" [shape=box, label="b\\nstep s"];
    "a" -> "sweep" [label="* → in"];
    "sweep" -> "d" [label="*.pkl → file e.f"];
    "a" -> "b" [style=dashed];
}"""
    )


@pytest.mark.parametrize(
    ("edge", "label"),
    [
        (("parameter", "n", "parameter", "n"), "parameter n"),
        (("parameter", "n", "parameter", "m"), "parameter n → m"),
        (("metadata", "n", "parameter", "n"), "metadata n → n"),
        (("input", "a#", "input", 'b"'), "input a## → b'"),
        (("output", "x", "file", "e.f"), "x → file e.f"),
    ],
)
def test_labels_of_edges(edge, label):
    kind, key, target_kind, target_key = edge
    nodes = (Node("a", "execution", "s", commit="abc"), Node("b", "task", "s", commit="abc"))
    drawn = PipelinePlan("p", nodes, (Edge("a", kind, key, "b", target_kind, target_key),))
    mermaid = label.replace("##", "#35;").replace("'", "#quot;")
    assert f'    n0 -->|"{mermaid}"| n1' in as_mermaid(drawn).splitlines()
    dot = label.replace("##", "#").replace("'", '\\"')
    assert f'    "a" -> "b" [label="{dot}"];' in as_dot(drawn).splitlines()
    assert as_text(drawn).splitlines() == [
        "a  (step s of commit abc)",
        "b  (task over step s of commit abc)",
        f"  <- a.{kind}.{key} as {target_kind} {target_key}",
    ]


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
