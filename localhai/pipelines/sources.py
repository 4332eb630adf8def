"""The code and configs that the nodes of one pipeline run with: the pipeline's own, and other commits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from localhai.errors import ProjectError, UsageError
from localhai.pipelines.graph import Graph
from localhai.pipelines.steps import config_with, overridden, relaxed
from localhai.project.overrides import Overrides

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from localhai.executions.open_project import OpenProject
    from localhai.pipelines.plan import Edge, Node, PipelinePlan
    from localhai.pipelines.results import NodeStart
    from localhai.project.config import ProjectConfig
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot


class Sources:
    """Snapshots and configs by commit, each read once. `commit` None is the working tree as it is now."""

    def __init__(self, project: OpenProject, commit: str | None = None) -> None:
        self.project = project
        self._own_commit = commit
        self._snapshots: dict[str | None, Snapshot] = {}
        self._configs: dict[str | None, ProjectConfig] = {}

    def snapshot(self, commit: str | None = None) -> Snapshot:
        """The code of a node; None is the pipeline's own. Raises ProjectError, UsageError."""
        if commit not in self._snapshots:
            self._snapshots[commit] = self.project.snapshot(commit or self._own_commit)
        return self._snapshots[commit]

    def config(self, commit: str | None = None) -> ProjectConfig:
        """The valohai.yaml of a node; None is the pipeline's own. Raises ProjectError, UsageError."""
        if commit not in self._configs:
            self._configs[commit] = self._load(commit)
        return self._configs[commit]

    def _load(self, commit: str | None) -> ProjectConfig:
        if commit is None and self._own_commit is None:
            return self.project.config()
        from localhai.project.config import load_config

        folder = self.project.folder
        yaml = self.snapshot(commit).path / folder.yaml.relative_to(folder.path)
        return load_config(yaml, verdicts=self.project.home.folder / "cache" / "verdicts")

    def execution_plan(
        self, node: Node, start: NodeStart, *, secrets: Collection[str] = (), awaiting: Sequence[Edge] | None = None
    ) -> ExecutionPlan:
        """What the execution of a node will be. Raises UsageError, ProjectError.

        `awaiting` are edges that have not given anything yet: what they will fill may be missing.
        """
        config = self.config(node.commit)
        step = overridden(config.config.steps[node.step or ""], node.override)
        if awaiting is not None:
            step = relaxed(step, awaiting)
        return self.project.plan(
            step.name,
            overrides=Overrides(
                parameters=start.parameters,
                inputs=start.inputs,
                environment_variables=start.environment_variables,
            ),
            secrets=tuple(secrets),
            commit=None if awaiting is not None else self.snapshot(node.commit).identifier,
            config=replace(config, config=config_with(config.config, step)),
        )


def preflight(sources: Sources, plan: PipelinePlan, *, secrets: Collection[str] = ()) -> None:
    """Plan every node as far as that is possible before its sources ran. Raises what the first wrong one raises."""
    from localhai.pipelines.results import NodeStart

    into = Graph(plan).into
    for node in plan.nodes:
        if node.type == "deployment":
            continue
        parameters = {name: value for name, value in node.parameters.items() if not _spreads(node, value)}
        start = NodeStart(
            node.name, inputs={name: node.inputs[name] for name in node.explicit_inputs}, parameters=parameters
        )
        try:
            sources.execution_plan(node, start, secrets=secrets, awaiting=into[node.name])
        except (UsageError, ProjectError) as error:
            error.where = f"node {node.name} of pipeline {plan.name}"
            raise


def _spreads(node: Node, value: object) -> bool:
    """A list for a task is one execution for each of its items (reference 1.11)."""
    return node.type == "task" and isinstance(value, list)
