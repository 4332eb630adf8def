"""A pipeline of valohai.yaml as descriptions of its nodes and params: what a DAG's file and its tasks need. No Airflow.

A description stands in the DAG's file and goes into its serialised form, as JSON: it names no folder and no mode.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.pipelines import rules
from localhai.pipelines.graph import Graph
from localhai.pipelines.plan import Edge, Node
from localhai.pipelines.planning import find_pipeline, plan
from localhai.pipelines.steps import overridden
from localhai.system import strict_json

if TYPE_CHECKING:
    from valohai_yaml.objs import Config, Step

    from localhai.pipelines.plan import PipelinePlan

    Steps = Mapping[str, Step | None]  # by node

_TYPES = {"integer": "integer", "float": "number", "flag": "boolean", "string": "string"}
_OF_VALUES: tuple[tuple[type, str], ...] = ((bool, "boolean"), (int, "integer"), (float, "number"), (list, "array"))


class TaskIds(Struct, frozen=True):
    """Ids of the tasks of one node. `starting` and `ended` are gates, None where the node needs none.

    `node` is the task whose XCom is the node's result; for a task node it gathers what `executions` came to.
    """

    node: str
    starting: str | None = None
    ended: str | None = None
    executions: tuple[str, ...] = ()

    @property
    def last(self) -> str:
        """The task that those behind the node wait for."""
        return self.ended or self.node

    @property
    def sets(self) -> tuple[str, ...]:
        """The tasks that make the parameter sets of `executions`."""
        return tuple(task.replace(".executions", ".sets") for task in self.executions)

    def in_order(self) -> list[str]:
        """All of them, as they run."""
        pairs = [task for pair in zip(self.sets, self.executions, strict=True) for task in pair]
        return [task for task in (self.starting, *pairs, self.node, self.ended) if task is not None]

    @property
    def running(self) -> tuple[str, ...]:
        """The tasks that may have something to stop."""
        return self.executions or (self.node,)


class ParameterTarget(Struct, frozen=True):
    """A parameter of the pipeline that sets one of the node; `takes_text`: an empty text may stand for no value."""

    parameter: str
    pipeline_parameter: str
    takes_text: bool = False


class NodeDescription(Struct, frozen=True):
    """One node of a DAG.

    `edges` are those into it, `sources` the tasks that hold the results of the nodes before it. `targets` are set from
    the DAG's params. `variables` are the step's environment variables with the node's override, `carried` the names of
    those that edges take on. `beside` are tasks that may run while this node does, `flags` those that may have ended
    the pipeline, and `flags_beside` those of them that run side by side with this node. `sweep` is what a task node
    makes its executions from.
    """

    pipeline: str
    node: Node
    tasks: TaskIds
    edges: tuple[Edge, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[ParameterTarget, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    carried: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    flags_beside: tuple[str, ...] = ()
    reuse: bool = False
    sweep: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values only; `strict_json.convert` is the inverse."""
        found: dict[str, Any] = strict_json.values(self)
        return found


class ParamDescription(Struct, frozen=True):
    """A parameter of the pipeline as a param of the DAG; `types` are those of JSON Schema."""

    name: str
    default: Any
    types: tuple[str, ...]
    description: str | None = None


class PipelineDescription(Struct, frozen=True):
    """A whole pipeline: `nodes` stand behind all that they wait for. `needs_approval`: a person may be asked."""

    name: str
    nodes: tuple[NodeDescription, ...]
    params: tuple[ParamDescription, ...] = ()

    @property
    def needs_approval(self) -> bool:
        return any(rules.may_ask(item.node) for item in self.nodes)


def read_pipeline(folder: Path, name: str) -> PipelineDescription:
    """The pipeline of the valohai.yaml in `folder`. Raises UsageError, ProjectError."""
    from localhai.project.checkout import text_at
    from localhai.project.config import load_config
    from localhai.project.folder import find_project
    from localhai.settings import Settings

    found = find_project(folder)
    home = Settings.load(found.path).home
    verdicts = home / "cache" / "verdicts" if home.is_dir() else None  # a scheduler need not have one
    config = load_config(found.yaml, verdicts=verdicts)

    def config_at(commit: str) -> Config:
        import valohai_yaml

        return valohai_yaml.parse(text_at(found.path, commit, found.yaml), validate=False)

    return describe_pipeline(config.config, name, config_at=config_at, positions=config.positions)


def describe_pipeline(
    config: Config, name: str, *, config_at: Callable[[str], Config] | None = None, positions: Any = None
) -> PipelineDescription:
    """As `read_pipeline`, from the parsed file; every node stands behind all that it waits for. Pure."""

    def config_of(node: Node) -> Config:
        return config_at(node.commit) if node.commit and config_at else config

    made = plan(config, name, config_at=config_at, positions=positions)
    pipeline = find_pipeline(config, made.name)
    nodes = {node.name: node for node in made.nodes}
    steps = {key: _step(node, config_of(node)) for key, node in nodes.items()}
    sweeps = {key: found for key, node in nodes.items() if (found := _sweep(node, config_of(node), steps[key]))}
    ids = _task_ids(made, sweeps)
    flags = {key: _flags(node, ids[key]) for key, node in nodes.items()}
    graph = Graph(made)
    described = []
    for key in graph.ordered():
        beside = graph.beside(key)
        described.append(
            NodeDescription(
                pipeline=made.name,
                node=nodes[key],
                tasks=ids[key],
                edges=tuple(graph.into[key]),
                sources={other: ids[other].node for other in graph.before[key]},
                targets=tuple(_targets(pipeline, key, steps[key])),
                variables=_variables(steps[key]),
                carried=_carried(made, key),
                beside=tuple(task for other in beside for task in ids[other].running),
                flags=tuple(task for each in flags.values() for task in each),
                flags_beside=tuple(task for other in beside for task in flags[other]),
                reuse=made.reuse_executions,
                sweep=sweeps.get(key),
            )
        )
    return PipelineDescription(made.name, tuple(described), tuple(_params(pipeline, made, steps)))


def _step(node: Node, config: Config) -> Step | None:
    return None if node.step is None else overridden(config.steps[node.step], node.override)


def _variables(step: Step | None) -> dict[str, str]:
    items = [] if step is None else step.environment_variables.values()
    return {item.name: str(item.default) for item in items if item.default is not None}


def _sweep(node: Node, config: Config, step: Step | None) -> dict[str, Any] | None:
    """Of a task node whose executions can run apart: those of a distributed task need one another.

    JSON values: the wish, the step's parameters, and the stages. A stage is mapped as a whole when all before it has
    ended: a Bayesian search has one for each batch. `stops`: one execution may end the others. Raises ProjectError.
    """
    if node.type != "task" or step is None:
        return None
    from localhai.app.nodes.spreading import spread
    from localhai.tasks import rules as of_tasks
    from localhai.tasks.blueprint import blueprint_wish

    blueprint = blueprint_wish(config.tasks[node.task]) if node.task else None
    if blueprint is not None and blueprint.type == "distributed":
        return None
    made, _ = spread(node.name, blueprint, node.parameters, step, seed=0)
    parameters = {name: str(item.type) for name, item in step.parameters.items()}
    return {
        "wish": None if blueprint is None else strict_json.values(blueprint),
        "step": {"name": step.name, "parameters": parameters},
        "stages": of_tasks.stages(made),
        "most": made.maximum_queued_executions,
        "stops": of_tasks.may_end_others(made),
    }


def _targets(pipeline: Any, node: str, step: Step | None) -> list[ParameterTarget]:
    texts = rules.text_parameters(step)
    aims = [(parameter, rules.target_of(target)) for parameter in pipeline.parameters for target in parameter.targets]
    return [ParameterTarget(name, parameter.name, name in texts) for parameter, (aim, name) in aims if aim == node]


def _task_ids(plan: PipelinePlan, sweeps: Mapping[str, Mapping[str, Any]]) -> dict[str, TaskIds]:
    """Ids that Airflow takes: letters, digits, dashes and underscores; dots set off the tasks of one node."""
    taken: set[str] = set()
    found = {}
    for node in plan.nodes:
        own = unique = re.sub(r"[^\w-]+", "-", node.name)
        number = 1
        while unique in taken:
            number += 1
            unique = f"{own}-{number}"
        taken.add(unique)
        stages = sweeps[node.name]["stages"] if node.name in sweeps else ()
        numbered = [f"-{place + 1}" if len(stages) > 1 else "" for place in range(len(stages))]
        found[node.name] = TaskIds(
            node=f"{unique}.result" if stages else unique,
            starting=f"{unique}.starting" if rules.acts(node, rules.STARTING) else None,
            ended=f"{unique}.ended" if rules.decides_when_ended(node) else None,
            executions=tuple(f"{unique}.executions{suffix}" for suffix in numbered),
        )
    return found


def _flags(node: Node, ids: TaskIds) -> tuple[str, ...]:
    """The tasks of a node that may end the pipeline."""
    found = [ids.starting] if rules.may_end_all(node, rules.STARTING) else []
    found += [ids.last] if rules.may_end_all(node, rules.COMPLETE, rules.ERROR) else []
    return tuple(task for task in found if task is not None)


def _carried(plan: PipelinePlan, name: str) -> tuple[str, ...]:
    edges = [edge for edge in plan.edges if (edge.source, edge.source_kind) == (name, "environment-variable")]
    return tuple(dict.fromkeys(edge.source_key for edge in edges))


def _params(pipeline: Any, made: PipelinePlan, steps: Steps) -> list[ParamDescription]:
    tasks = {node.name for node in made.nodes if node.type == "task"}
    return [
        ParamDescription(item.name, item.default, tuple(_types(item, steps, tasks)), _about(item))
        for item in pipeline.parameters
    ]


def _about(parameter: Any) -> str | None:
    return getattr(parameter, "description", None) or f"sets {', '.join(map(str, parameter.targets))}"


def _types(parameter: Any, steps: Steps, tasks: set[str]) -> list[str]:
    """Those of the parameters that it sets, and of its default; a task node takes lists."""
    found: dict[str, None] = {}
    for target in parameter.targets:
        node, name = rules.target_of(target)
        step = steps.get(node)
        if step is not None and name in step.parameters:
            own = step.parameters[name]
            found["array" if own.multiple else _TYPES.get(own.type, "string")] = None
        if node in tasks:
            found["array"] = None
    default = parameter.default
    found["null" if default is None else _type_of(default)] = None
    return list(found)


def _type_of(value: Any) -> str:
    return next((name for kind, name in _OF_VALUES if isinstance(value, kind)), "string")
