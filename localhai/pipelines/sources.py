"""The code, configs and images that the nodes of one pipeline run with: the pipeline's own, and other commits.

Images are looked at before the first node: an hour of work is no place to learn of a typo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.containers import images
from localhai.pipelines.steps import config_with, overridden, relaxed
from localhai.project.overrides import Overrides
from localhai.project.planning import stand_in_image

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from localhai.executions.project_context import ProjectContext
    from localhai.executions.run.stop import Interruption
    from localhai.pipelines.plan import Edge, Node, PipelinePlan
    from localhai.pipelines.results import NodeStart
    from localhai.project.config import ProjectConfig
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot


class Sources:
    """Snapshots and configs by commit, each read once. `commit` None is the working tree as it is now.

    `git_packaging` and `include_untracked` say which of its files are code, as for `ProjectContext.snapshot`.
    """

    def __init__(
        self,
        project: ProjectContext,
        commit: str | None = None,
        *,
        git_packaging: bool = True,
        include_untracked: bool = True,
    ) -> None:
        self.project = project
        self._own_commit = commit
        self._packaging = {"git_packaging": git_packaging, "include_untracked": include_untracked}
        self._snapshots: dict[str | None, Snapshot] = {}
        self._configs: dict[str | None, ProjectConfig] = {}

    def snapshot(self, commit: str | None = None) -> Snapshot:
        """The code of a node; None is the pipeline's own. Raises ProjectError, UsageError."""
        if commit not in self._snapshots:
            self._snapshots[commit] = self.project.snapshot(commit or self._own_commit, **self._packaging)
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

    def plan(self, name: str, arguments: Mapping[str, Any] | None = None) -> PipelinePlan:
        """What a run of the pipeline would be (`planning.plan`). Raises UsageError, ProjectError."""
        from localhai.pipelines.planning import plan

        read = self.config()
        return plan(
            read.config,
            name,
            arguments,
            config_at=lambda other: self.config(other).config,
            positions=read.positions,
        )

    def execution_plan(
        self, node: Node, start: NodeStart, *, secrets: Collection[str] = (), awaiting: Sequence[Edge] | None = None
    ) -> ExecutionPlan:
        """What the execution of a node will be. Raises UsageError, ProjectError.

        `awaiting` are edges that have not given anything yet: what they will fill may be missing.
        """
        config = self.node_config(node, awaiting=awaiting)
        return self.project.plan(
            node.step or "",
            overrides=overrides_of(start),
            secrets=tuple(secrets),
            commit=None if awaiting is not None else self.snapshot(node.commit).identifier,
            config=config,
        )

    def node_config(self, node: Node, *, awaiting: Sequence[Edge] | None = None) -> ProjectConfig:
        """The valohai.yaml of a node with its step alone, overridden; `awaiting` as for `execution_plan`."""
        config = self.config(node.commit)
        step = overridden(config.config.steps[node.step or ""], node.override)
        if awaiting is not None:
            step = relaxed(step, awaiting)
        return replace(config, config=config_with(config.config, step))


def overrides_of(start: NodeStart) -> Overrides:
    """What a node that starts changes of its step."""
    return Overrides(
        parameters=start.parameters, inputs=start.inputs, environment_variables=start.environment_variables
    )


def needed_images(sources: Sources, plan: PipelinePlan, known: Collection[str]) -> dict[str, list[str]]:
    """By image the nodes that need it, as they are to be named; nodes that are `known` need none."""
    found: dict[str, list[str]] = {}
    for node in plan.nodes:
        for image in () if node.name in known else _images_of(sources, node):
            users = found.setdefault(stand_in_image(image, sources.project.settings.images), [])
            users.append(f"node {node.name}")
    return found


def _images_of(sources: Sources, node: Node) -> Iterator[str]:
    if node.step is not None:
        yield str(sources.node_config(node).config.steps[node.step].image)
    endpoints = sources.config(node.commit).config.endpoints if node.endpoints else {}
    yield from (str(endpoints[name].image) for name in node.endpoints if name in endpoints)


def look_at_images(
    sources: Sources,
    plan: PipelinePlan,
    known: Collection[str],
    *,
    policy: str,
    say: Callable[[str], None],
    interruption: Interruption,
) -> None:
    """Pull what is missing. Raises ImageNotFound with every image that cannot be had, Interrupted."""
    home = sources.project.home
    locks = home.folder / "cache" / "locks"
    needed = needed_images(sources, plan, known)
    images.ensure_all(home.engine, needed, policy, notify=say, locks=locks, cancelled=interruption.is_asked)
