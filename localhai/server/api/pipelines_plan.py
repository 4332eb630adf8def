"""The plan of a pipeline that a client describes (wire.md E35)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, TypeVar

from msgspec.structs import asdict, replace
from valohai_yaml.objs import Config, Step

from localhai.app.nodes import further_runners
from localhai.executions.home import Home
from localhai.pipelines import planning, rules
from localhai.pipelines.filling import refuse_unfillable
from localhai.pipelines.graph import Graph
from localhai.pipelines.plan import Edge, Node, PipelinePlan
from localhai.pipelines.runners import Kept
from localhai.pipelines.running import all_runners
from localhai.pipelines.sources import Sources
from localhai.pipelines.steps import overridden, parameter_facts
from localhai.project.faulty import refuse_faulty
from localhai.records import Project
from localhai.records.pipelines import Pipeline, PipelineNode
from localhai.server.api.executions_body import unwrapped
from localhai.server.api.pipelines_body import (
    EdgeBody,
    NodeBody,
    NodeFault,
    PipelineStartBody,
    TaskTemplateBody,
    TemplateBody,
    edges_of,
    object_in,
    uris_of,
)
from localhai.server.api.tasks_body import sweep_of
from localhai.server.bodies import decode
from localhai.server.errors import field as wrong
from localhai.system import strict_json

T = TypeVar("T")


def node_id(pipeline_id: str, name: str) -> str:
    """The id of a node: made of the pipeline's and its name, as containers are told it (platform.md 2.4)."""
    return str(uuid.uuid5(uuid.UUID(pipeline_id), name))


class PipelineReading:
    """The body of one request. `home` knows the earlier pipelines of the project."""

    def __init__(self, home: Home, project: Project, sources: Sources, body: PipelineStartBody) -> None:
        self._home, self._project, self._sources, self._body = home, project, sources, body
        self._own = sources.snapshot().identifier
        self._reused: dict[str, Kept] = {}
        self._plans: dict[str, PipelinePlan] = {}

    def plan(self, blueprint: str = "") -> tuple[PipelinePlan, dict[str, Kept]]:
        """The plan, and the nodes that an earlier pipeline has run. Raises Refused, ProjectError."""
        if blueprint:
            return self._of_blueprint(blueprint), {}
        if not self._body.nodes:
            raise wrong("nodes", "A pipeline needs nodes.", "required")
        values, by_node = self._body.set_parameters()
        nodes = tuple(self._node(item, by_node.get(str(item.get("name")), {})) for item in self._body.nodes)
        names = [node.name for node in nodes]
        if len(set(names)) < len(names):
            raise wrong("nodes", "Two nodes have the same name.")
        for edge in self._edges:
            for end in (edge.source_node, edge.target_node):
                if end not in names:
                    raise wrong("edges", f"There is no node {end}.", "does_not_exist")
        edges = tuple(strict_json.convert(asdict(edge), Edge) for edge in self._edges)
        reuse = self._body.reuse_executions is True
        plan = PipelinePlan(self._body.title or "pipeline", nodes, edges, values, reuse_executions=reuse)
        left = set(names).difference(Graph(plan).ordered())
        if left:
            raise wrong("edges", f"The edges go round in a circle: {', '.join(sorted(left))}.")
        refuse_unfillable(plan, {node.name: self._step_of(node) for node in nodes if node.name not in self._reused})
        return plan, self._reused

    @cached_property
    def _edges(self) -> list[EdgeBody]:
        return edges_of(self._body.edges)

    def _of_blueprint(self, name: str) -> PipelinePlan:
        """A pipeline as the commit's valohai.yaml says it; `parameters` are values by name."""
        config = self._sources.config().config
        refuse_faulty(config, "pipeline", name)
        if name not in config.pipelines:
            raise wrong("blueprint", f"The commit's valohai.yaml has no pipeline {name}.", "does_not_exist")
        given = _checked(name, object_in, "parameters", self._body.parameters)
        values = {
            key: unwrapped(item["expression"] if isinstance(item, dict) and "expression" in item else item)
            for key, item in given.items()
        }
        return planning.plan(config, name, {key: value for key, value in values.items() if value is not None})

    def _node(self, item: Mapping[str, Any], parameters: Mapping[str, Any]) -> Node:
        asked = {"name", "type", "source"} if item.get("type") == "mimic" else item.keys()
        name = item.get("name")
        body = _checked(name, decode, NodeBody, {key: item[key] for key in asked if key in item})
        if body.type == "mimic":
            return self._mimic(body.name, str(body.source))
        if body.type == "execution":
            return self._execution(body, parameters)
        if body.type == "task":
            return self._task(body, parameters)
        if body.type == "deployment":
            return replace(self._of_yaml(body.name, "deployment"), **body.behaviour)
        raise wrong("nodes", f"{body.name}: {body.type!r} is not a type of node.")

    def _execution(self, body: NodeBody, parameters: Mapping[str, Any], *, without: Collection[str] = ()) -> Node:
        """`without` are parameters that its template says, and something else has understood."""
        name = body.name
        raw = _checked(name, object_in, "template", body.template)
        if without:
            raw = {**raw, "parameters": {key: item for key, item in raw["parameters"].items() if key not in without}}
        template = _checked(name, decode, TemplateBody, raw)
        commit = template.commit if template.commit != self._own else None
        config = self._sources.config(commit or None).config
        step = _step(config, template.step, name)
        typed, inputs = template.parameters, template.inputs
        unknown = [key for key in inputs if key not in step.inputs] + [
            key for key in typed if key not in step.parameters
        ]
        if unknown:
            raise wrong("nodes", f"{name}: step {step.name} has no parameter or input {', '.join(unknown)}.")
        typed = {key: value for key, value in typed.items() if not self._is_empty(name, step, key, value)}
        defaults = {key: _checked(name, uris_of, known.default) for key, known in step.inputs.items()}
        return Node(
            name,
            "execution",
            step=step.name,
            commit=commit or None,
            override=_checked(name, template.override, step),
            inputs={**defaults, **inputs},
            optional_inputs=tuple(key for key, known in step.inputs.items() if known.optional),
            explicit_inputs=tuple(key for key, uris in inputs.items() if uris != defaults[key]),
            parameters={**typed, **rules.set_by_pipeline(parameters, rules.text_parameters(step))},
            **parameter_facts(step),
            **body.behaviour,
        )

    def _is_empty(self, node: str, step: Step, parameter: str, value: Any) -> bool:
        """Whether a template says nothing of it: an empty text stands where an edge will bring a value, or none is."""
        if value is None:
            return True
        edges = ((edge.target_node, edge.target_type, edge.target_key) for edge in self._edges)
        return value == "" and (step.parameters[parameter].type != "string" or (node, "parameter", parameter) in edges)

    def _task(self, body: NodeBody, parameters: Mapping[str, Any]) -> Node:
        """As valohai.yaml has it, with what the request changes; else as the request itself describes it.

        Rules of a template are those of the blueprint.
        """
        name = body.name
        raw = _checked(name, object_in, "template", body.template)
        if not self._pipelines_with(name, "task"):
            return self._described_task(body, raw, parameters)
        node = self._of_yaml(name, "task")
        template = _checked(name, decode, TaskTemplateBody, raw)
        changed = {
            key: value
            for key, value in template.parameters.items()
            if value is not None and not isinstance(value, dict) and value != node.defaults.get(key)
        }
        given = {key: uris for key, uris in template.inputs.items() if uris != node.inputs.get(key)}
        unknown = [
            *(key for key in template.parameters if self._lacks(node, key)),
            *(key for key in template.inputs if key not in node.inputs),
        ]
        if unknown:
            raise wrong("nodes", f"{name}: step {node.step} has no parameter or input {', '.join(unknown)}.")
        texts = rules.text_parameters(self._step_of(node))
        return replace(
            node,
            parameters={**changed, **rules.set_by_pipeline(parameters, texts)},
            inputs={**node.inputs, **given},
            explicit_inputs=tuple(given),
            override=replace(node.override, environment=template.environment or node.override.environment),
            **body.behaviour,
        )

    def _described_task(self, body: NodeBody, template: Mapping[str, Any], parameters: Mapping[str, Any]) -> Node:
        """A sweep over a step of the commit that valohai.yaml knows no task node for."""
        sweep = sweep_of(template)
        varied = [variant[0] for variant in sweep["variants"]]
        node = self._execution(body, parameters, without=varied)
        unknown = [key for key in varied if key not in (node.known_parameters or ())]
        if unknown:
            raise wrong("nodes", f"{body.name}: step {node.step} has no parameter {', '.join(unknown)}.")
        return replace(node, type="task", sweep=sweep)

    def _lacks(self, node: Node, parameter: str) -> bool:
        return parameter not in self._sources.config(node.commit).config.steps[node.step or ""].parameters

    def _step_of(self, node: Node) -> Step | None:
        if node.step is None:
            return None
        return overridden(self._sources.config(node.commit).config.steps[node.step], node.override)

    def _of_yaml(self, name: str, kind: str) -> Node:
        """Tasks and deployments are described by valohai.yaml: the client's template says less than that."""
        config = self._sources.config().config
        wanted = {str(item.get("name")) for item in self._body.nodes}
        having = self._pipelines_with(name, kind)
        if not having:
            raise wrong("nodes", f"{name}: no pipeline of the commit's valohai.yaml has a {kind} node of this name.")
        # several may have a node of this name: that with just these nodes is meant
        meant = next((item for item in having if {node.name for node in item.nodes} == wanted), having[0])
        return planning.plan(config, meant.name).node(name)

    def _pipelines_with(self, name: str, kind: str) -> list[Any]:
        """The pipelines of valohai.yaml that have a node of this name and kind."""
        return [
            pipeline
            for pipeline in self._sources.config().config.pipelines.values()
            if any(node.name == name and node.type == kind for node in pipeline.nodes)
        ]

    def _mimic(self, name: str, source: str) -> Node:
        found = self._earlier_nodes.get(source.lower())
        if found is None:
            raise wrong("nodes", f"{name}: Object with id={source} does not exist.", "does_not_exist")
        record, node = found
        kept = all_runners(further_runners())[node.type].earlier(self._sources.project.home, node)
        if kept is None:
            raise wrong("nodes", f"{name}: node {node.name} of pipeline #{record.counter} did not succeed.")
        self._reused[name] = kept
        return replace(self._plan_of(record).node(node.name), name=name)

    @cached_property
    def _earlier_nodes(self) -> dict[str, tuple[Pipeline, PipelineNode]]:
        """Nodes of earlier pipelines by their ids, read once for all that are named; the newest pipeline first."""
        records = self._home.records.pipelines.list(self._project.id, limit=1000)
        return {node_id(record.id, node.name): (record, node) for record in records[::-1] for node in record.nodes}

    def _plan_of(self, record: Pipeline) -> PipelinePlan:
        if record.id not in self._plans:
            self._plans[record.id] = strict_json.convert(record.document["plan"], PipelinePlan)
        return self._plans[record.id]


def _step(config: Config, name: str, node: str) -> Step:
    refuse_faulty(config, "step", name)
    if name not in config.steps:
        raise wrong("nodes", f"{node}: the commit's valohai.yaml has no step {name}.", "does_not_exist")
    return config.steps[name]


def _checked(node: Any, read: Callable[..., T], *given: Any) -> T:
    """What it reads of the node. Raises Refused."""
    try:
        return read(*given)
    except NodeFault as fault:
        raise wrong("nodes", f"{node}: {fault}") from None
