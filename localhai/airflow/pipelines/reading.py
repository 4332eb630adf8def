"""A pipeline of valohai.yaml as descriptions of its nodes and params: all that a DAG's file needs. No Airflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.airflow.pipelines.description import NodeDescription, ParameterTarget, describe
from localhai.pipelines.planning import find_pipeline, plan
from localhai.pipelines.rules import may_ask, target_of, text_parameters
from localhai.pipelines.steps import overridden

if TYPE_CHECKING:
    from valohai_yaml.objs import Config, Step

    from localhai.pipelines.plan import Node, PipelinePlan

_TYPES = {"integer": "integer", "float": "number", "flag": "boolean", "string": "string"}
_OF_VALUES: tuple[tuple[type, str], ...] = ((bool, "boolean"), (int, "integer"), (float, "number"), (list, "array"))


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
        return any(may_ask(item.node) for item in self.nodes)


def read_pipeline(folder: Path, name: str) -> PipelineDescription:
    """The pipeline of the valohai.yaml in `folder`. Raises UsageError, ProjectError."""
    from localhai.project.config import load_config
    from localhai.project.folder import find_project
    from localhai.settings import Settings

    found = find_project(folder)
    home = Settings.load(found.path).home
    verdicts = home / "cache" / "verdicts" if home.is_dir() else None  # a scheduler need not have one
    config = load_config(found.yaml, verdicts=verdicts)
    at = _configs_at(found.path, found.yaml)
    return describe_pipeline(config.config, name, config_at=at, positions=config.positions)


def describe_pipeline(
    config: Config, name: str, *, config_at: Callable[[str], Config] | None = None, positions: Any = None
) -> PipelineDescription:
    """As `read_pipeline`, from the parsed file. Pure."""
    made = plan(config, name, config_at=config_at, positions=positions)
    steps = {node.name: _step(node, config, config_at) for node in made.nodes}
    pipeline = find_pipeline(config, made.name)
    variables = {
        key: {item.name: str(item.default) for item in step.environment_variables.values() if item.default is not None}
        for key, step in steps.items()
        if step is not None
    }
    nodes = describe(
        made,
        targets=_targets(pipeline, steps),
        variables=variables,
        sweeps=_sweeps(made, config, steps, config_at),
    )
    return PipelineDescription(made.name, tuple(nodes), tuple(_params(pipeline, made, steps)))


def _step(node: Node, config: Config, config_at: Callable[[str], Config] | None) -> Step | None:
    if node.step is None:
        return None
    at = config_at(node.commit) if node.commit and config_at else config
    return overridden(at.steps[node.step], node.override)


def _sweeps(
    made: PipelinePlan,
    config: Config,
    steps: Mapping[str, Step | None],
    config_at: Callable[[str], Config] | None,
) -> dict[str, dict[str, Any]]:
    """Of task nodes whose executions can run apart: those of a distributed task need one another."""
    if not any(node.type == "task" for node in made.nodes):
        return {}
    from localhai.airflow.pipelines.sweeps import sweep_of
    from localhai.tasks.blueprint import blueprint_wish

    found = {}
    for node in made.nodes:
        at = config_at(node.commit) if node.commit and config_at else config
        blueprint = blueprint_wish(at.tasks[node.task]) if node.task else None
        if node.type == "task" and (blueprint is None or blueprint.type != "distributed"):
            found[node.name] = sweep_of(node, blueprint, steps[node.name])
    return found


def _targets(pipeline: Any, steps: Mapping[str, Step | None]) -> dict[str, list[ParameterTarget]]:
    found: dict[str, list[ParameterTarget]] = {}
    for parameter in pipeline.parameters:
        for target in parameter.targets:
            node, name = target_of(target)
            found.setdefault(node, []).append(
                ParameterTarget(name, parameter.name, name in text_parameters(steps.get(node)))
            )
    return found


def _params(pipeline: Any, made: PipelinePlan, steps: Mapping[str, Step | None]) -> list[ParamDescription]:
    tasks = {node.name for node in made.nodes if node.type == "task"}
    return [
        ParamDescription(item.name, item.default, tuple(_types(item, steps, tasks)), _about(item))
        for item in pipeline.parameters
    ]


def _about(parameter: Any) -> str | None:
    return getattr(parameter, "description", None) or f"sets {', '.join(map(str, parameter.targets))}"


def _types(parameter: Any, steps: Mapping[str, Step | None], tasks: set[str]) -> list[str]:
    """Those of the parameters that it sets, and of its default; a task node takes lists."""
    found: dict[str, None] = {}
    for target in parameter.targets:
        node, name = target_of(target)
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


def _configs_at(folder: Path, yaml: Path) -> Callable[[str], Config]:
    """The valohai.yaml of another commit, as git has it."""

    def config_at(commit: str) -> Config:
        import valohai_yaml

        from localhai.errors import ProjectError
        from localhai.project import checkout, git

        found = checkout.resolve(folder, commit)
        place = found.prefix + yaml.relative_to(folder).as_posix()
        try:
            text = git.git("show", f"{found.sha}:{place}", folder=folder).decode()
        except git.GitError as error:
            raise ProjectError(f"commit {commit} has no {place}", hints=["name another commit"]) from error
        return valohai_yaml.parse(text, validate=False)

    return config_at
