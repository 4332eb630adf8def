"""What runs the nodes of a pipeline whose types the room of pipelines does not know itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localhai.pipelines.runners import NodeRunner


def further_runners() -> dict[str, NodeRunner]:
    """By type: `PipelineStart.runners`."""
    from localhai.app.nodes.deployment import DeploymentRunner
    from localhai.app.nodes.task import TaskRunner

    return {"task": TaskRunner(), "deployment": DeploymentRunner()}
