"""What each task of a pipeline's DAG must know, and what follows from how it ends: decided without Airflow."""

from __future__ import annotations

import json
from typing import Any

import pytest
import valohai_yaml

from localhai.airflow.pipelines.description import NodeDescription, PipelineDescription, describe_pipeline
from localhai.airflow.pipelines.flow import (
    children_of,
    flag_of_child,
    gathered,
    node_of_run,
    plan_of,
    request_of,
    result_of,
    start_of,
)
from localhai.airflow.platform import ExecutionRequest, PipelineRequest
from localhai.airflow.remote import RemotePlatform, execution_body, whole_body
from localhai.errors import UsageError
from localhai.pipelines.results import NodeResult
from localhai.pipelines.rules import at_end, at_start
from localhai.system import strict_json

STEPS = """
- step:
    name: make
    image: python:3.11-slim
    command: echo
    environment-variables: [{name: FLAVOUR, default: plain}]
    parameters:
      - {name: rate, type: float, default: 0.1}
      - {name: title, type: string, optional: true}
    inputs: [{name: data, optional: true}]
- endpoint: {name: answers, image: i, wsgi: app:app, files: [{name: model, path: model.txt}]}
"""
NODE = "{name: %s, type: execution, step: make%s}"


def described(nodes: list[str], edges: str = "", more: str = "") -> PipelineDescription:
    text = f"{STEPS}\n- pipeline:\n    name: p\n    nodes: [{', '.join(nodes)}]\n    edges: [{edges}]\n{more}"
    return describe_pipeline(valohai_yaml.parse(text, validate=False), "p")


def node(name: str, more: str = "") -> str:
    return NODE % (name, f", {more}" if more else "")


def only(found: PipelineDescription, name: str) -> NodeDescription:
    return next(item for item in found.nodes if item.node.name == name)


def details(**more: Any) -> dict[str, Any]:
    return {"id": "e1", "status": "complete", "outputs": [{"name": "a.txt", "id": "d1"}], **more}


def test_a_description_is_json_there_and_back():
    action = "actions: [{when: node-complete, if: metadata.x > 1, then: stop-pipeline}]"
    found = described([node("a", action), node("b")], "[a.output.*, b.input.data]")

    for item in found.nodes:
        assert strict_json.convert(json.loads(json.dumps(item.to_dict())), NodeDescription).to_dict() == item.to_dict()
    assert "/" not in json.dumps([item.to_dict() for item in found.nodes]).replace("python:3.11", ""), "no folders"


def test_nodes_stand_behind_what_they_wait_for_and_know_who_runs_beside():
    edges = "[a.output.*, c.input.data], [b.output.*, c.input.data]"
    found = described([node("c"), node("a"), node("b", "on-error: stop-next")], edges)

    assert [item.node.name for item in found.nodes] == ["a", "b", "c"]
    a, b, c = found.nodes
    assert (a.beside, b.beside, c.beside) == (("b",), ("a",), ())
    assert (a.flags_beside, b.flags_beside) == ((), ("a",)), "b stops only what follows it"
    assert c.sources == {"a": "a", "b": "b"}


def test_gates_only_where_somebody_decides():
    starting = "actions: [{when: node-starting, then: require-approval}]"
    found = described([node("a", starting), node("b", "on-error: continue"), node("c")])

    ids = {item.node.name: item.tasks for item in found.nodes}
    assert (ids["a"].starting, ids["a"].ended) == ("a.starting", None)
    assert (ids["b"].starting, ids["b"].ended) == (None, "b.ended")
    assert ids["c"].in_order() == ["c"]
    assert found.needs_approval


def test_names_that_airflow_does_not_take():
    found = described([node('"my node"'), node('"my-node"')])

    assert [item.tasks.node for item in found.nodes] == ["my-node", "my-node-2"]


def test_parameters_of_the_pipeline_are_params_of_the_run():
    more = """
    parameters:
      - {name: speed, default: 0.5, targets: [a.parameters.rate]}
      - {name: name, targets: [a.parameters.title]}
"""
    found = described([node("a")], more=more)

    assert [(item.name, item.default, item.types) for item in found.params] == [
        ("speed", 0.5, ("number",)),
        ("name", None, ("string", "null")),
    ]
    a = found.nodes[0]
    assert node_of_run(a.node, a.targets, {"speed": 2.0, "name": None}).parameters == {"rate": 2.0, "title": ""}
    assert node_of_run(a.node, a.targets, {"speed": None}).parameters["title"] == "", "others keep what they had"
    assert "rate" not in node_of_run(a.node, a.targets, {"speed": None}).parameters


def test_what_a_node_starts_with_and_asks_for():
    override = "override: {image: other, environment-variables: [{name: FLAVOUR, default: sweet}]}"
    edges = "[a.output.*.txt, b.input.data], [a.metadata.best, b.parameter.rate]"
    b = only(described([node("a"), node("b", override)], edges), "b")
    before = {"a": result_of(details(cumulative_metadata={"best": 0.7}))}

    request = request_of(b, start_of(b, {}, before), project="p", commit="abc")

    assert request.inputs == {"data": ["datum://d1"]}
    assert request.parameters == {"rate": 0.7}
    assert execution_body(request, "id", "abc") == {
        "project": "id",
        "commit": "abc",
        "step": "make",
        "inputs": {"data": ["datum://d1"]},
        "parameters": {"rate": 0.7},
        "image": "other",
        "environment_variables": {"FLAVOUR": "sweet"},
    }
    assert ExecutionRequest(**json.loads(json.dumps(request.to_dict()))).to_dict() == request.to_dict()
    start = start_of(b, {}, {"a": result_of(details())})
    assert (start.parameters, start.notes) == (
        {},
        ("parameter rate keeps its own value: a has no metadata best",),
    )
    edge = "[a.environment-variable.X, b.environment-variable.FLAVOUR]"
    b = only(described([node("a"), node("b", override)], edge), "b")
    with pytest.raises(UsageError, match="a has no X"):
        start_of(b, {}, {"a": result_of(details())})


@pytest.mark.parametrize(
    ("on_error", "status", "outcome", "fails"),
    [
        ("stop-all", "error", "error", True),
        ("retry", "crashed", "error", True),
        ("stop-next", "error", None, True),
        ("continue", "error", None, False),
        ("stop-all", "complete", None, False),
    ],
)
def test_what_follows_from_the_end_of_a_node(on_error, status, outcome, fails):
    a = described([node("a", f"on-error: {on_error}")]).nodes[0].node

    verdict = at_end(a, NodeResult(status))

    assert (verdict.outcome, verdict.fails, verdict.hold) == (outcome, fails, False)


def test_actions_come_before_on_error():
    actions = "actions: [{when: node-error, then: stop-pipeline}, {when: node-complete, then: [noop, wonder]}]"
    a = described([node("a", actions)]).nodes[0].node

    assert at_end(a, NodeResult("error")).outcome == "stopped"
    complete = at_end(a, NodeResult("complete"))
    assert complete.outcome is None
    assert "'wonder'" in complete.notes[0]


def test_conditions_at_the_start_see_the_nodes_before_and_ones_own_parameters():
    conditions = "if: [metadata.loss < 0.5, parameter.rate > 1]"
    a = (
        described([node("a", f"actions: [{{when: node-starting, {conditions}, then: require-approval}}]")])
        .nodes[0]
        .node
    )

    assert at_start(a, {"rate": 2}, [NodeResult("complete", metadata={"loss": 0.1})]).hold
    assert not at_start(a, {"rate": 2}, [NodeResult("complete", metadata={"loss": 0.9})]).hold
    assert not at_start(a, {"rate": 2}, []).hold, "a condition that cannot be evaluated is false"


def swept(task: str, more: str = "") -> NodeDescription:
    text = f"    - {{name: t, type: task, task: t{more}}}\n"
    blueprint = f"- task: {{name: t, step: make, {task}}}\n"
    yaml = f"{STEPS}{blueprint}\n- pipeline:\n    name: p\n    nodes:\n{text}    edges: []\n"
    return describe_pipeline(valohai_yaml.parse(yaml, validate=False), "p").nodes[0]


GRID = "type: grid_search, parameters: [{name: rate, style: multiple, rules: {items: [1.0, 2.0]}}]"


def child(number: int, status: str = "complete", **more: Any) -> dict[str, Any]:
    own = {"child": {"number": number, "parameters": {"rate": float(number)}}, "parameters": {"rate": float(number)}}
    return {**details(status=status), **own, **more}


def test_the_executions_of_a_task_and_what_they_come_to():
    t = swept(GRID)
    assert t.tasks.in_order() == ["t.sets", "t.executions", "t.result"]
    plan, shared = plan_of(t.to_dict()["sweep"], "t", {"title": "x"}, seed=1)

    assert shared == {"title": "x"}
    assert children_of(plan, [0], 0, []) == [
        {"number": 0, "parameters": {"rate": 1.0}},
        {"number": 1, "parameters": {"rate": 2.0}},
    ]
    good = gathered(plan, [child(1), child(0)], made=2, flag=None)
    assert (good["status"], good["parameters"]["rate"], len(good["outputs"])) == ("complete", [0.0, 1.0], 2)
    assert gathered(plan, [child(0), child(1, "error")], made=2, flag=None)["status"] == "error"
    assert gathered(plan, [child(0)], made=2, flag=None)["task"]["statuses"] == {"complete": 1, "crashed": 1}
    stopped = gathered(plan, [child(0)], made=2, flag={"outcome": "complete", "reason": "met"})
    assert (stopped["status"], stopped["error"]) == ("complete", None)


def test_a_list_that_is_given_takes_the_place_of_the_blueprints():
    plan, shared = plan_of(swept(GRID).to_dict()["sweep"], "t", {"rate": [5.0, 6.0, 7.0]}, seed=1)

    assert [item["parameters"] for item in children_of(plan, [0], 0, [])] == [
        {"rate": rate} for rate in (5.0, 6.0, 7.0)
    ]
    assert shared == {}


def test_one_execution_may_end_the_others():
    strict = swept(f"{GRID}, on-child-error: stop-all-and-error, stop-condition: loss < 0.1")
    sweep = strict.to_dict()["sweep"]
    plan, _ = plan_of(sweep, "t", {}, seed=1)

    assert sweep["stops"]
    assert flag_of_child(plan, child(0, "error"))["outcome"] == "error"
    assert flag_of_child(plan, child(0, cumulative_metadata={"loss": 0.01}))["outcome"] == "complete"
    assert flag_of_child(plan, child(0, cumulative_metadata={"loss": 0.2})) is None
    assert not swept(GRID).to_dict()["sweep"]["stops"]


def test_a_bayesian_search_has_a_stage_for_each_batch():
    rules = "parameters: [{name: rate, style: random, rules: {min: 0, max: 9}}]"
    goal = "optimization-target-metric: loss, optimization-target-value: 0"
    t = swept(f"type: bayesian_tpe, execution-count: 27, execution-batch-size: 5, {goal}, {rules}")
    sweep = t.to_dict()["sweep"]

    assert sweep["stages"] == [0, 20, 25]
    assert t.tasks.executions == ("t.executions-1", "t.executions-2", "t.executions-3")
    plan, _ = plan_of(sweep, "t", {}, seed=1)
    first = children_of(plan, sweep["stages"], 0, [])
    assert len(first) == 20
    before = [
        {**child(item["number"], cumulative_metadata={"loss": item["parameters"]["rate"]}), "child": item}
        for item in first
    ]
    second = children_of(plan, sweep["stages"], 1, before)
    assert [item["number"] for item in second] == [20, 21, 22, 23, 24]
    assert second == children_of(plan, sweep["stages"], 1, before[::-1]), "the same results propose the same"


def test_a_node_as_a_whole_on_the_platform():
    text = f"""{STEPS}
- pipeline:
    name: p
    nodes:
      - {node("a")}
      - {{name: d, type: deployment, deployment: answers, endpoints: [answers]}}
    edges: [[a.output.*, d.file.answers.model]]
"""
    config = valohai_yaml.parse(text, validate=False)
    d = describe_pipeline(config, "p").nodes[1]
    start = start_of(d, {}, {"a": result_of(details())})
    known = {"node": d.to_dict()["node"], "start": {"inputs": {}, "parameters": {}, "files": start.files}}

    body = whole_body(PipelineRequest("p", "p", node=known, title="t"), "id", "abc", config)

    assert body["edges"] == []
    [made] = body["nodes"]
    assert made["endpoint_configurations"]["answers"]["files"] == {"model": ("datum://d1",)}


class OneTask:
    """A RestClient that knows one pipeline with one task of three executions."""

    def get(self, path: str) -> dict[str, Any]:
        assert path == "pipelines/p1/"
        return {"nodes": [{"name": "t", "type": "task", "status": "complete", "task": {"id": "t1"}}]}

    def pages(self, path: str, **query: Any) -> list[dict[str, Any]]:
        if path == "data/":
            return [{"name": f"{query['output_execution']}.txt", "id": f"d-{query['output_execution']}"}]
        assert (path, query) == ("executions/", {"task": "t1"})
        failed = {"id": "e1", "counter": 1, "status": "error"}
        good = [
            {"id": f"e{number}", "counter": number, "status": "complete", "cumulative_metadata": {"x": number}}
            for number in (3, 2)
        ]
        return [*good, failed]


def test_what_a_task_on_the_platform_came_to():
    client: Any = OneTask()

    found = result_of(RemotePlatform(client).whole_result("p1", "t"))

    assert found.outputs == (("e2.txt", "datum://d-e2"), ("e3.txt", "datum://d-e3"))
    assert (found.status, found.metadata) == ("complete", {"x": 3})
