"""Deployment nodes of pipelines: a version made of the files that edges bring, its images built (platform.md 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.deployments.endpoint import file_names, find_endpoint
from localhai.deployments.versions import build_endpoint, make_version, work_on
from localhai.errors import LocalhaiError, ProjectError
from localhai.pipelines import rules
from localhai.pipelines.results import NodeResult
from localhai.pipelines.runners import Kept, Made
from localhai.project.edges import CARRYING
from localhai.project.names import unknown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from localhai.executions.home import Home
    from localhai.pipelines.plan import Edge, Node
    from localhai.pipelines.runners import NodeWork
    from localhai.pipelines.sources import Sources
    from localhai.records.deployments import DeploymentVersion
    from localhai.records.pipelines import PipelineNode


class DeploymentRunner:
    """A `NodeRunner`."""

    def check(self, sources: Sources, node: Node, awaiting: Sequence[Edge], *, secrets: Collection[str]) -> None:
        """Its endpoints are there, and edges bring each file of theirs. Raises UsageError, ProjectError."""
        del secrets
        config = sources.config(node.commit).config
        files = {name: file_names(find_endpoint(config, name)) for name in node.endpoints}
        brought = {edge.target_key for edge in awaiting if edge.target_kind == "file" and edge.pair in CARRYING}
        missing = [f"{endpoint}.{file}" for endpoint, names in files.items() for file in names]
        missing = [key for key in missing if key not in brought]
        if missing:
            _refuse_unknown(brought, files, node.name)
            raise ProjectError(
                f"no edge brings {', '.join(missing)} to node {node.name}",
                hints=[f"add an edge: [NODE.output.*, {node.name}.file.{key}]" for key in missing],
            )

    def run(self, work: NodeWork) -> tuple[NodeResult, LocalhaiError | None]:
        """Make the version and build its images."""
        try:
            version = _make(work)
        except LocalhaiError as error:
            return rules.without_end(error), error
        work.say(f"version {version.deployment}/{version.name}: localhai deployment run --version {version.name}")
        return _result(version), None

    def earlier(self, home: Home, node: PipelineNode) -> Kept | None:
        """The version that it made, if it was made whole."""
        made = node.document.get("deployment")
        if node.status != "complete" or not made:
            return None
        return Kept(Made(deployment=made), _result(home.records.deployments.version(str(made["version_id"]))))


def _refuse_unknown(brought: Collection[str], files: Mapping[str, Sequence[str]], node: str) -> None:
    """A file that nothing brings may be one that an edge names wrongly. Raises UsageError."""
    for key in sorted(brought):
        endpoint, _, file = key.partition(".")
        if endpoint not in files:
            raise unknown("endpoint", "endpoints", endpoint, list(files), of=f" in node {node}")
        if file not in files[endpoint]:
            raise unknown("file", "files", file, files[endpoint], of=f" of endpoint {endpoint}")


def _make(work: NodeWork) -> DeploymentVersion:
    node, project = work.node, work.sources.project
    config = work.sources.config(node.commit).config
    snapshot = work.sources.snapshot(node.commit)
    given: dict[str, dict[str, Sequence[str]]] = {name: {} for name in node.endpoints}
    for key, uris in work.start.files.items():
        endpoint, _, file = key.partition(".")
        if endpoint in given and file in file_names(find_endpoint(config, endpoint)):
            given[endpoint][file] = uris
        else:  # the linter has warned of it
            work.say(f"an edge brings file {key}, which no endpoint of the node has: it is left out")
    version = make_version(
        project,
        deployment=str(node.deployment),
        endpoints=[(find_endpoint(config, name), given[name]) for name in node.endpoints],
        snapshot=snapshot,
        aliases=node.aliases,
        requester=work.options.requester,
        interruption=work.interruption,
    )
    work.made(Made(deployment=_facts(version)))
    for name in node.endpoints:
        own = work_on(
            project,
            version,
            name,
            snapshot,
            options=work.options,
            observer=work.watch(name if len(node.endpoints) > 1 else None),
            interruption=work.interruption,
        )
        try:
            build_endpoint(project, own)
        finally:
            own.capture.end()
            own.capture.close()
    return version


def _facts(version: DeploymentVersion) -> Mapping[str, str]:
    return {"id": version.deployment_id, "version_id": version.id, "name": version.deployment, "version": version.name}


def _result(version: DeploymentVersion) -> NodeResult:
    return NodeResult("complete", deployment={"id": version.deployment_id, "version_id": version.id})
