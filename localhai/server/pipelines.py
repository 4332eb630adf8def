"""What a client asks a pipeline to be, made into a plan, and run by a thread of the server (wire.md E35).

A client sends each node as a template: the step with all that its own copy of valohai.yaml says. Keys come with hyphens
from `vh`, with underscores from the web page.
"""

from __future__ import annotations

import json
import uuid
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.app.nodes import further_runners
from localhai.pipelines import planning, rules
from localhai.pipelines.plan import Node, PipelinePlan
from localhai.pipelines.running import PipelineObserver, PipelineOptions, all_runners, run_pipeline
from localhai.pipelines.sources import Sources
from localhai.pipelines.steps import overridden, parameter_facts
from localhai.pipelines.unfillable import refuse_unfillable
from localhai.project.faulty import refuse_faulty
from localhai.records.queue import QueueEntry
from localhai.server import pipeline_parts as parts
from localhai.server.auth import require_own
from localhai.server.background import Beginning
from localhai.server.bodies import text
from localhai.server.code import code_of
from localhai.server.errors import field as wrong
from localhai.server.requests import opened, options_of, tags_of, unwrapped
from localhai.server.tasks import sweep_of
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from valohai_yaml.objs import Step

    from localhai.executions.open_project import OpenProject
    from localhai.executions.run.stop import Interruption
    from localhai.pipelines.runners import Kept
    from localhai.project.snapshot import Snapshot
    from localhai.records import Project
    from localhai.records.pipeline_rows import Pipeline, PipelineNode
    from localhai.records.server import User
    from localhai.server.state import State


def node_id(pipeline_id: str, name: str) -> str:
    """The id of a node: made of the pipeline's and its name, as containers are told it (platform.md 2.4)."""
    return str(uuid.uuid5(uuid.UUID(pipeline_id), name))


def create(state: State, user: User, project: Project, body: Mapping[str, Any]) -> Pipeline:
    """Start a pipeline. Raises Refused, ProjectError, UsageError for what is wrong with the request."""
    code = code_of(state, project, parts.commit(body))
    sources = sources_of(state, project, code, creator=user.name)
    plan, reused = _Reading(state, project, sources, body).plan()
    uris = (uri for node in plan.nodes for given in node.inputs.values() for uri in given)
    require_own(state, user, project, uris, "nodes")
    options = PipelineOptions(
        jobs=state.jobs,
        title=text(dict(body), "title", plan.name),
        tags=tags_of(body),
        runners=further_runners(),
        slots=state.queue.slots,
        images_first=False,  # a client waits until the pipeline is recorded, and a pull takes minutes
    )
    run_options = options_of(state, project, sources.project.settings, requester=user.id)

    def work(interruption: Interruption, recorded: Callable[[str], None]) -> object:
        return run_pipeline(
            sources,
            plan,
            run_options=run_options,
            options=options,
            reused=reused,
            observer=_Told(recorded),
            interruption=interruption,
        )

    request = {"plan": json.loads(strict_json.dumps(plan.to_dict(), default=str)), "reused": sorted(reused)}
    entry = QueueEntry("", project.id, user.id, 0, request, kind="pipeline")
    return state.home.records.pipelines.get(Beginning(state, "pipeline", work, entry).recorded())


def sources_of(state: State, project: Project, code: Snapshot, *, creator: str | None) -> Sources:
    """The code of a pipeline and of its nodes."""
    return _Uploaded(state, project, opened(state, project, code, creator=creator), code.identifier)


class _Told(PipelineObserver):
    def __init__(self, recorded: Callable[[str], None]) -> None:
        self._recorded = recorded

    def started(self, pipeline: Mapping[str, Any]) -> None:
        self._recorded(str(pipeline["id"]))


class _Uploaded(Sources):
    """Sources whose ad-hoc commits are packages that clients uploaded."""

    def __init__(self, state: State, project: Project, opened: OpenProject, commit: str) -> None:
        super().__init__(opened, commit)
        self._state, self._of = state, project
        self._own = commit

    def snapshot(self, commit: str | None = None) -> Any:
        """The code of a node."""
        if commit not in self._snapshots:
            self._snapshots[commit] = code_of(self._state, self._of, commit or self._own)
        return self._snapshots[commit]


class _Reading:
    """The body of one request."""

    def __init__(self, state: State, project: Project, sources: Sources, body: Mapping[str, Any]) -> None:
        self._state, self._project, self._sources, self._body = state, project, sources, body
        self._own = sources.snapshot().identifier
        self._reused: dict[str, Kept] = {}
        self._plans: dict[str, PipelinePlan] = {}

    def plan(self) -> tuple[PipelinePlan, dict[str, Kept]]:
        """The plan, and the nodes that an earlier pipeline has run."""
        blueprint = text(dict(self._body), "blueprint", "")
        if blueprint:
            return self._of_blueprint(blueprint), {}
        items = parts.objects(self._body, "nodes")
        if not items:
            raise wrong("nodes", "A pipeline needs nodes.", "required")
        values, by_node = parts.parameters(self._body)
        nodes = tuple(self._node(item, by_node.get(str(item.get("name")), {})) for item in items)
        names = [node.name for node in nodes]
        if len(set(names)) < len(names):
            raise wrong("nodes", "Two nodes have the same name.")
        edges = tuple(parts.edge(item, names) for item in parts.objects(self._body, "edges"))
        title = text(dict(self._body), "title", "pipeline")
        reuse = self._body.get("reuse_executions") is True
        plan = PipelinePlan(title, nodes, edges, values, reuse_executions=reuse)
        parts.refuse_circles(plan)
        refuse_unfillable(plan, {node.name: self._step_of(node) for node in nodes if node.name not in self._reused})
        return plan, self._reused

    def _of_blueprint(self, name: str) -> PipelinePlan:
        """A pipeline as the commit's valohai.yaml says it; `parameters` are values by name."""
        config = self._sources.config().config
        refuse_faulty(config, "pipeline", name)
        if name not in config.pipelines:
            raise wrong("blueprint", f"The commit's valohai.yaml has no pipeline {name}.", "does_not_exist")
        given = parts.object_in(self._body, "parameters", name)
        values = {
            key: unwrapped(item["expression"] if isinstance(item, dict) and "expression" in item else item)
            for key, item in given.items()
        }
        return planning.plan(config, name, {key: value for key, value in values.items() if value is not None})

    def _node(self, item: Mapping[str, Any], parameters: Mapping[str, Any]) -> Node:
        name, kind = text(dict(item), "name", most=200), item.get("type", "execution")
        if kind == "mimic":
            return self._mimic(name, str(item.get("source")))
        if kind == "execution":
            return self._execution(name, item, parameters)
        if kind == "task":
            return self._task(name, item, parameters)
        if kind == "deployment":
            return replace(self._of_yaml(name, "deployment"), **parts.behaviour(item))
        raise wrong("nodes", f"{name}: {kind!r} is not a type of node.")

    def _execution(self, name: str, item: Mapping[str, Any], parameters: Mapping[str, Any]) -> Node:
        template = parts.object_in(item, "template", name)
        commit = self._other_commit(template)
        config = self._sources.config(commit).config
        step = parts.step(config, text(dict(template), "step"), name)
        inputs = {key: parts.uris(value, name) for key, value in parts.object_in(template, "inputs", name).items()}
        typed = {key: unwrapped(value) for key, value in parts.object_in(template, "parameters", name).items()}
        unknown = [key for key in inputs if key not in step.inputs] + [
            key for key in typed if key not in step.parameters
        ]
        if unknown:
            raise wrong("nodes", f"{name}: step {step.name} has no parameter or input {', '.join(unknown)}.")
        typed = {key: value for key, value in typed.items() if not self._is_empty(name, step, key, value)}
        defaults = {key: parts.uris(known.default, name) for key, known in step.inputs.items()}
        return Node(
            name,
            "execution",
            step=step.name,
            commit=commit,
            override=parts.override(template, step, name),
            inputs={**defaults, **inputs},
            optional_inputs=tuple(key for key, known in step.inputs.items() if known.optional),
            explicit_inputs=tuple(key for key, uris in inputs.items() if uris != defaults[key]),
            parameters={**typed, **rules.set_by_pipeline(parameters, rules.text_parameters(step))},
            **parameter_facts(step),
            **parts.behaviour(item),
        )

    def _is_empty(self, node: str, step: Step, parameter: str, value: Any) -> bool:
        """Whether a template says nothing of it: an empty text stands where an edge will bring a value, or none is."""
        if value is None:
            return True
        key = ("target_node", "target_type", "target_key")
        edges = (tuple(map(item.get, key)) for item in parts.objects(self._body, "edges"))
        return value == "" and (step.parameters[parameter].type != "string" or (node, "parameter", parameter) in edges)

    def _task(self, name: str, item: Mapping[str, Any], parameters: Mapping[str, Any]) -> Node:
        """As valohai.yaml has it, with what the request changes; else as the request itself describes it.

        Rules of a template are those of the blueprint.
        """
        template = parts.object_in(item, "template", name)
        if not self._pipelines_with(name, "task"):
            return self._described_task(name, item, template, parameters)
        node = self._of_yaml(name, "task")
        typed = {key: unwrapped(value) for key, value in parts.object_in(template, "parameters", name).items()}
        changed = {
            key: value
            for key, value in typed.items()
            if value is not None and not isinstance(value, dict) and value != node.defaults.get(key)
        }
        inputs = {key: parts.uris(value, name) for key, value in parts.object_in(template, "inputs", name).items()}
        given = {key: uris for key, uris in inputs.items() if uris != node.inputs.get(key)}
        unknown = [
            *(key for key in typed if self._lacks(node, key)),
            *(key for key in inputs if key not in node.inputs),
        ]
        if unknown:
            raise wrong("nodes", f"{name}: step {node.step} has no parameter or input {', '.join(unknown)}.")
        texts = rules.text_parameters(self._step_of(node))
        environment = str(template["environment"]) if template.get("environment") else node.override.environment
        return replace(
            node,
            parameters={**changed, **rules.set_by_pipeline(parameters, texts)},
            inputs={**node.inputs, **given},
            explicit_inputs=tuple(given),
            override=replace(node.override, environment=environment),
            **parts.behaviour(item),
        )

    def _described_task(
        self, name: str, item: Mapping[str, Any], template: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> Node:
        """A sweep over a step of the commit that valohai.yaml knows no task node for."""
        sweep = sweep_of(template)
        varied = {variant[0] for variant in sweep["variants"]}
        given = parts.object_in(template, "parameters", name)
        plain = {**template, "parameters": {key: value for key, value in given.items() if key not in varied}}
        node = self._execution(name, {**item, "template": plain}, parameters)
        unknown = [key for key in varied if key not in (node.known_parameters or ())]
        if unknown:
            raise wrong("nodes", f"{name}: step {node.step} has no parameter {', '.join(unknown)}.")
        return replace(node, type="task", sweep=sweep)

    def _lacks(self, node: Node, parameter: str) -> bool:
        return parameter not in self._sources.config(node.commit).config.steps[node.step or ""].parameters

    def _step_of(self, node: Node) -> Step | None:
        if node.step is None:
            return None
        return overridden(self._sources.config(node.commit).config.steps[node.step], node.override)

    def _other_commit(self, template: Mapping[str, Any]) -> str | None:
        commit = template.get("commit")
        return None if not commit or commit == self._own else str(commit)

    def _of_yaml(self, name: str, kind: str) -> Node:
        """Tasks and deployments are described by valohai.yaml: the client's template says less than that."""
        config, wanted = (
            self._sources.config().config,
            {str(item.get("name")) for item in parts.objects(self._body, "nodes")},
        )
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
        records = self._state.home.records.pipelines.list(self._project.id, limit=1000)
        return {node_id(record.id, node.name): (record, node) for record in records[::-1] for node in record.nodes}

    def _plan_of(self, record: Pipeline) -> PipelinePlan:
        if record.id not in self._plans:
            self._plans[record.id] = strict_json.convert(record.document["plan"], PipelinePlan)
        return self._plans[record.id]
