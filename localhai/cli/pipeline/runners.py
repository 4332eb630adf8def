"""What runs the nodes of a pipeline, by type: here, because tasks, deployments and pipelines do not meet below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.cli.pipeline.deployment_node import DeploymentRunner
from localhai.cli.pipeline.task_node import TaskRunner

if TYPE_CHECKING:
    from localhai.pipelines.runners import NodeRunner


def further_runners() -> dict[str, NodeRunner]:
    """Runners of the types that the room of pipelines does not know itself."""
    return {"task": TaskRunner(), "deployment": DeploymentRunner()}
