"""From a pipeline of valohai.yaml and what was typed to a PipelinePlan. Pure: no files, Docker, network or clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.errors import ProjectError, UsageError
from localhai.pipelines import rules
from localhai.pipelines.arguments import PipelineArguments, sort_arguments
from localhai.pipelines.filling import refuse_unfillable
from localhai.pipelines.plan import Action, Edge, Node, NodeOverride, PipelinePlan
from localhai.pipelines.steps import overridden, parameter_facts
from localhai.project import parity
from localhai.project.faulty import find_sound, is_any_faulty, refuse_faulty
from localhai.project.names import unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from valohai_yaml.objs import Config, Pipeline, Step
    from valohai_yaml.objs.pipelines.override import Override

    from localhai.project.positions import PositionMap

    ConfigAt = Callable[[str], Config]


def plan(
    config: Config,
    name: str,
    given: Mapping[str, Any] | None = None,
    *,
    config_at: ConfigAt | None = None,
    positions: PositionMap | None = None,
) -> PipelinePlan:
    """Everything a run of pipeline `name` (or of an unambiguous prefix) will be.

    `given` is what `arguments.parse_words` gives: texts or lists by `name` and `node.name`; from Python any values.
    `config_at` gives the config of another commit, for nodes that name one; `positions` where things stand in the file.
    Raises UsageError for what was typed, ProjectError for what valohai.yaml says.
    """
    pipeline = find_pipeline(config, name)
    steps = {node.name: _step_of(node, config, config_at) for node in pipeline.nodes}
    arguments = sort_arguments(pipeline, given or {}, steps)
    parameters, by_node = _parameters(pipeline, arguments, steps)
    for node, values in arguments.node_parameters.items():  # nearer to the node than a parameter of the pipeline
        by_node.setdefault(node, {}).update(values)
    found = PipelinePlan(
        name=pipeline.name,
        nodes=tuple(
            _node(node, steps[node.name], by_node.get(node.name, {}), arguments.node_inputs.get(node.name, {}))
            for node in pipeline.nodes
        ),
        edges=tuple(_edge(edge) for edge in pipeline.edges),
        parameters=parameters,
        arguments=dict(given or {}),
        reuse_executions=bool(pipeline.reuse_executions),
        parity=parity.notes("pipeline", pipeline.serialize()),
    )
    refuse_unfillable(found, steps, positions)
    return found


def find_pipeline(config: Config, wanted: str) -> Pipeline:
    """By name or unambiguous prefix. Raises UsageError with the known ones, ProjectError when there are none."""
    if not config.pipelines and not is_any_faulty(config, "pipeline"):
        raise ProjectError("valohai.yaml has no pipelines", hints=["a pipeline needs a name, nodes and edges"])
    return config.pipelines[find_sound(config, "pipeline", wanted)]


def _step_name(node: Any, config: Config) -> str:
    """The step that a node of valohai.yaml runs: its own, or that of its task blueprint."""
    if getattr(node, "task", None) and not node.step:
        refuse_faulty(config, "task", node.task)
        task = config.tasks.get(node.task)
        if task is None:
            raise unknown("task", "tasks", node.task, list(config.tasks), of=f", which node {node.name} names")
        return str(task.step)
    return str(node.step)


def _step_of(node: Any, config: Config, config_at: ConfigAt | None) -> Step | None:
    if node.type == "deployment":
        return None
    if node.commit:
        config = _foreign(node, config_at)
    name = _step_name(node, config)
    refuse_faulty(config, "step", name)
    if name not in config.steps:
        where = f"commit {node.commit}" if node.commit else "valohai.yaml"
        raise unknown("step", "steps", name, list(config.steps), of=f" in {where}, which node {node.name} names")
    return overridden(config.steps[name], _override(node.override))


def _foreign(node: Any, config_at: ConfigAt | None) -> Config:
    if str(node.commit).startswith("library:"):
        raise ProjectError(
            f"node {node.name!r} runs a step of the platform's library ({node.commit}), which cannot be had here",
            where=f"node {node.name}",
            hints=["copy the step into your valohai.yaml to run it on this machine"],
        )
    if config_at is None:
        raise ProjectError(f"node {node.name!r} runs a step of commit {node.commit}, which cannot be looked into here")
    try:
        return config_at(node.commit)
    except (ProjectError, UsageError) as error:
        error.where = f"node {node.name}"
        raise


def _node(node: Any, step: Step | None, parameters: Mapping[str, Any], inputs: Mapping[str, tuple[str, ...]]) -> Node:
    known: dict[str, Any] = {
        "name": node.name,
        "type": node.type,
        "on_error": node.on_error.value,
        "actions": tuple(Action.read(action.when, action.if_, action.then) for action in node.actions),
    }
    if step is None:
        return Node(**known, deployment=node.deployment, endpoints=tuple(node.endpoints), aliases=tuple(node.aliases))
    return Node(
        **known,
        step=step.name,
        task=getattr(node, "task", None),
        commit=node.commit,
        override=_override(node.override),
        merge_mode=node.edge_merge_mode.value,
        inputs={name: inputs.get(name, _uris(item.default)) for name, item in step.inputs.items()},
        optional_inputs=tuple(name for name, item in step.inputs.items() if item.optional),
        explicit_inputs=tuple(inputs),
        parameters=dict(parameters),
        **parameter_facts(step),
    )


def _override(override: Override | None) -> NodeOverride:
    if override is None:
        return NodeOverride()
    command = override.command
    return NodeOverride(
        image=override.image,
        command=None if not command else (command,) if isinstance(command, str) else tuple(command),
        environment=override.environment,
        mounts=tuple(dict(mount.serialize()) for mount in override.mounts) or None,
        inputs={name: _uris(item.default) for name, item in override.inputs.items()},
        parameters={name: item.default for name, item in override.parameters.items()},
        environment_variables={name: item.default for name, item in override.environment_variables.items()},
    )


def _uris(default: Any) -> tuple[str, ...]:
    if default is None:
        return ()
    return (default,) if isinstance(default, str) else tuple(default)


def _edge(edge: Any) -> Edge:
    return Edge(
        edge.source_node,
        edge.source_type,
        edge.source_key,
        edge.target_node,
        edge.target_type,
        edge.target_key,
        dict(edge.configuration),
    )


def _parameters(
    pipeline: Pipeline, arguments: PipelineArguments, steps: Mapping[str, Step | None]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The pipeline's own values, and what they set in each node (platform.md 1.11)."""
    values: dict[str, Any] = {}
    by_node: dict[str, dict[str, Any]] = {}
    texts = {node: rules.text_parameters(step) for node, step in steps.items()}
    for parameter in pipeline.parameters:
        is_given = parameter.name in arguments.parameters
        value = arguments.parameters[parameter.name] if is_given else parameter.default
        values[parameter.name] = "" if value is None else value
        for node, name in map(rules.target_of, parameter.targets):
            by_node.setdefault(node, {}).update(rules.set_by_pipeline({name: value}, texts.get(node, ())))
    return values, by_node
