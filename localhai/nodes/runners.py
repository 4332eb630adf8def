"""What runs the nodes of a pipeline, by type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.nodes.deployment_node import DeploymentRunner
from localhai.nodes.task_node import TaskRunner

if TYPE_CHECKING:
    from localhai.pipelines.runners import NodeRunner


def further_runners() -> dict[str, NodeRunner]:
    """Runners of the types that the room of pipelines does not know itself."""
    return {"task": TaskRunner(), "deployment": DeploymentRunner()}
