import pytest
from msgspec.structs import replace

from localhai.pipelines import filling
from localhai.pipelines.filling import Unfilled, fill, matching
from localhai.pipelines.results import NodeResult
from localhai.project.edges import CARRYING

OUTPUTS = (("model.pkl", "u1"), ("results/train.pkl", "u2"), ("images1.png", "u3"), ("a[1].txt", "u4"))


@pytest.mark.parametrize(
    ("key", "uris"),
    [
        ("model.pkl", ["u1"]),
        ("*.pkl", ["u1", "u2"]),
        ("*train*", ["u2"]),
        ("train.pkl", ["u2"]),
        ("results/*.pkl", ["u2"]),
        ("results/train.pkl", ["u2"]),
        ("images*", ["u3"]),
        ("a[1].txt", ["u4"]),
        ("*", ["u1", "u2", "u3", "u4"]),
        ("MODEL.pkl", []),
    ],
)
def test_keys_mean_paths_under_the_outputs_or_names(key, uris):
    assert matching(key, OUTPUTS) == uris


@pytest.fixture
def filled(make_plan):
    def start(edges, target=None, *, given=None, **result):
        result = {"outputs": OUTPUTS, "status": "complete", **result}
        plan = make_plan(["a", {"name": "b", **(target or {})}], edges, given)
        return fill(plan.node("b"), plan.edges, {"a": NodeResult(**result)})

    return start


def test_outputs_take_the_place_of_the_default(filled):
    assert filled([["a.output.model.pkl", "b.input.in"]]).inputs == {"in": ("u1",)}


def test_outputs_are_added_to_the_default_where_the_node_says_so(filled):
    found = filled([["a.output.model.pkl", "b.input.in"]], {"edge-merge-mode": "append"})
    assert found.inputs == {"in": ("s3://own/a", "u1")}


def test_an_override_clears_the_default_that_would_be_added_to(filled):
    node = {"edge-merge-mode": "append", "override": {"inputs": [{"name": "in"}]}}
    assert filled([["a.output.model.pkl", "b.input.in"]], node).inputs == {"in": ("u1",)}


def test_several_edges_into_one_input_are_combined_without_repeats(filled):
    edges = [["a.output.model.pkl", "b.input.in"], ["a.output.*.pkl", "b.input.in"]]
    assert filled(edges).inputs == {"in": ("u1", "u2")}


def test_an_optional_input_may_get_nothing(filled):
    assert filled([["a.output.nothing", "b.input.maybe"]]).inputs == {"maybe": ()}


def test_a_default_is_enough_when_edges_are_added(filled):
    found = filled([["a.output.nothing", "b.input.in"]], {"edge-merge-mode": "append"})
    assert found.inputs == {"in": ("s3://own/a",)}


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        (["a.output.nothing", "b.input.in"], "input in gets no file: nothing matches what its edges name"),
        (["a.input.nothing", "b.input.in"], "input in gets no file: nothing matches what its edges name"),
        (
            ["a.environment-variable.NOTHING", "b.environment-variable.V"],
            "variable V gets no value: a has no NOTHING",
        ),
    ],
)
def test_an_edge_without_anything_to_carry_is_said(filled, edge, said):
    with pytest.raises(Unfilled) as unfilled:
        filled([edge])
    assert str(unfilled.value) == said


def test_a_deployment_that_gives_or_gets_nothing_is_said(make_plan):
    nodes = ["a", {"name": "d", "type": "deployment", "deployment": "dep", "endpoints": ["greet"]}, "b"]
    edges = [
        ["a.output.model.h5", "d.file.greet.model"],
        ["a.input.data-*", "d.file.greet.data"],
        ["d.deployment.version_id", "b.parameter.text"],
    ]
    plan = make_plan(nodes, edges)
    result = NodeResult("complete", OUTPUTS, inputs={"data-1": (), "other": ("y",)})
    for edge, said in zip(
        plan.edges,
        (
            "file greet.model gets nothing: no output of a is named model.h5",
            "file greet.data gets nothing: input data-* of a had no file",
            "parameter text gets no value: d has no deployment version_id",
        ),
        strict=True,
    ):
        with pytest.raises(Unfilled) as unfilled:
            fill(plan.node(edge.target), [edge], {"a": result, "d": NodeResult("complete", deployment={"id": "1"})})
        assert str(unfilled.value) == said
    again = NodeResult("complete", (*OUTPUTS, ("model.h5", "u5")), inputs={"data-1": ("x",), "data-2": ("y", "z")})
    start = fill(plan.node("d"), [*plan.edges[:2], plan.edges[0]], {"a": again})
    assert start.files == {"greet.model": ("u5", "u5"), "greet.data": ("x", "y", "z")}


def test_a_node_starts_with_what_was_given_for_it_and_counts_its_attempts(make_plan):
    plan = make_plan(["b"], given={"b.in": "s3://x/1", "b.n": "5"})
    start = fill(plan.node("b"), [], {}, attempt=2)
    assert (start.node, start.attempt, start.inputs, start.parameters) == ("b", 2, {"in": ("s3://x/1",)}, {"n": "5"})
    assert (start.environment_variables, start.files, start.notes, start.clashes) == ({}, {}, (), ())
    assert fill(plan.node("b"), [], {}).attempt == 1


def test_files_of_one_name_for_one_input_are_said(filled):
    outputs = (("m.pkl", "u1"), ("m.pkl", "u2"), ("n.pkl", "u3"), ("m.pkl", "u4"))
    said = "input in gets 3 files called m.pkl: the last is kept; with `same_names` of localhai.toml all are"
    assert filled([["a.output.*.pkl", "b.input.in"]], outputs=outputs).clashes == (said,)
    two = "input maybe gets 2 files called m.pkl: the last is kept; with `same_names` of localhai.toml all are"
    edges = [["a.output.n.pkl", "b.input.in"], ["a.output.m.pkl", "b.input.maybe"]]
    assert filled(edges, outputs=outputs[:3]).clashes == (two,)
    assert filled(edges, outputs=outputs[1:3]).clashes == ()


def test_inputs_are_forwarded(filled):
    inputs = {"data-1": ("x1",), "data-2": ("x2", "x3"), "other": ("y",)}
    assert filled([["a.input.other", "b.input.in"]], inputs=inputs).inputs == {"in": ("y",)}
    assert filled([["a.input.data-*", "b.input.in"]], inputs=inputs).inputs == {"in": ("x1", "x2", "x3")}


def test_a_pattern_at_both_ends_forwards_inputs_of_the_same_name(filled):
    found = filled([["a.input.*", "b.input.*"]], inputs={"in": ("x",), "maybe": (), "strange": ("z",)})
    assert found.inputs == {"in": ("x",), "maybe": ()}


def test_values_are_carried(filled):
    edges = [
        {"source": "a.metadata.best.lr", "target": "b.parameter.n"},
        ["a.parameter.text", "b.parameter.text"],
        ["a.metadata.names", "b.parameter.many"],
        ["a.environment-variable.A", "b.environment-variable.V"],
    ]
    found = filled(
        edges,
        metadata={"best.lr": 7, "names": ["p", "q"]},
        parameters={"text": "x"},
        environment_variables={"A": "1"},
    )
    assert found.parameters == {"n": 7, "text": "x", "many": ["p", "q"]}
    assert found.environment_variables == {"V": "1"}


def test_an_edge_beats_what_was_typed_and_the_pipeline_parameter(filled):
    found = filled([["a.metadata.k", "b.parameter.n"]], given={"b.n": "5", "b.text": "t"}, metadata={"k": 9})
    assert found.parameters == {"n": 9, "text": "t"}


def test_a_dependency_only_orders(filled):
    found = filled([["a.dependency.*", "b.dependency.*"]])
    assert (found.inputs, found.parameters) == ({}, {})


def test_a_deployment_node_takes_files_and_gives_ids(make_plan):
    nodes = ["a", {"name": "d", "type": "deployment", "deployment": "dep", "endpoints": ["greet"]}, "b"]
    edges = [["a.output.model.pkl", "d.file.greet.model.v1"], ["d.deployment.version_id", "b.parameter.text"]]
    plan = make_plan(nodes, edges)
    assert fill(plan.node("d"), plan.edges[:1], {"a": NodeResult("complete", OUTPUTS)}).files == {
        "greet.model.v1": ("u1",)
    }
    deployed = NodeResult("complete", deployment={"version_id": "20261124.0"})
    assert fill(plan.node("b"), plan.edges[1:], {"d": deployed}).parameters == {"text": "20261124.0"}


NOT_NEEDED = {"name": "b"}
NEEDED = {"name": "b", "override": {"parameters": [{"name": "n"}]}}
WITHOUT_A_VALUE = [
    (["a.parameter.many", "b.parameter.n"], {"parameters": {"text": "x"}}, "a has no value of parameter many"),
    (["a.parameter.lost", "b.parameter.n"], {}, "a has no value of parameter lost"),
    (["a.metadata.lr", "b.parameter.n"], {}, "a has no metadata lr"),
    (["a.metadata.lr", "b.parameter.n"], {"metadata": {"lr": None}}, "a logged lr as NaN, Infinity or null"),
    (["a.metadata.lr", "b.parameter.n"], {"metadata": {"lr": float("inf")}}, "a logged lr as NaN, Infinity or null"),
    (["a.metadata.lr", "b.parameter.n"], {"metadata": {"lr": [None]}}, "a logged lr as NaN, Infinity or null"),
]


@pytest.mark.parametrize(("edge", "result", "why"), WITHOUT_A_VALUE)
def test_a_target_keeps_its_own_value_where_an_edge_brings_none_and_says_so(filled, edge, result, why):
    found = filled([edge], NOT_NEEDED, given={"b.n": "5"}, **result)
    assert found.parameters == {"n": "5"}
    assert found.notes[0].startswith(f"parameter n keeps its own value: {why}")
    assert filled([edge], NOT_NEEDED, **result).parameters == {}, "the step's default then"


@pytest.mark.parametrize(("edge", "result", "why"), WITHOUT_A_VALUE[2:])
def test_a_target_without_a_value_of_its_own_fails_and_says_why(filled, edge, result, why):
    with pytest.raises(Unfilled, match=f"parameter n gets no value: {why}"):
        filled([edge], NEEDED, **result)
    assert filled([edge], NEEDED, given={"b.n": "5"}, **result).parameters == {"n": "5"}


def test_values_of_a_list_that_are_none_are_left_out_and_said(filled):
    found = filled([["a.metadata.sizes", "b.parameter.many"]], metadata={"sizes": [1, None, 3, float("nan")]})
    assert found.parameters == {"many": [1, 3]}
    assert found.notes == ("2 of 4 values of a.sizes are left out: NaN, Infinity or null, which is no value",)


def test_a_parameter_that_the_step_lacks_takes_nothing_and_that_is_said(filled):
    found = filled([["a.metadata.lr", "b.parameter.texts"]], metadata={"lr": 1})
    assert found.parameters == {}
    assert found.notes == ("step s has no parameter 'texts': nothing takes metadata lr of node a",)


def test_a_node_of_an_earlier_version_takes_every_parameter_by_its_key(make_plan):
    plan = make_plan(["a", "b"], [["a.metadata.lr", "b.parameter.texts"]])
    node = replace(plan.node("b"), known_parameters=None)
    start = fill(node, plan.edges, {"a": NodeResult("complete", metadata={"lr": 1})})
    assert (start.parameters, start.notes) == ({"texts": 1}, ())


def test_what_carries_is_what_the_linter_knows_to_carry():
    assert filling._CARRIERS.keys() == CARRYING, "two rooms, one list"
