"""Stops, by whomever: one function for each noun. What has ended stays as it is, which each of them says by False.

Whoever runs a thing hears of the wish: SIGTERM to each process, SIGKILL after a grace (`executions/run/stop.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.vocabulary import Status

if TYPE_CHECKING:
    from localhai.executions.home import Home
    from localhai.records import ExecutionRecord
    from localhai.records.deployments import DeploymentVersion


def stop_execution(home: Home, record: ExecutionRecord) -> bool:
    """One that waits for its turn ends at once: nobody may be there to hear of it."""
    if record.status is Status.QUEUED and record.owner is None:
        from localhai.app.queue import take_to_stop

        if take_to_stop(home, record.id):
            return True
    return home.records.executions.request_stop(record.id)


def stop_pipeline(home: Home, pipeline_id: str) -> bool:
    """With all its running nodes."""
    return home.records.pipelines.request_stop(pipeline_id)


def stop_task(home: Home, task_id: str) -> bool:
    """With all its running executions."""
    return home.records.tasks.request_stop(task_id)


def stop_deployment(home: Home, version: DeploymentVersion) -> bool:
    """Every endpoint of a version that is served. False when none is."""
    asked = [
        home.records.deployments.request_endpoint_stop(version.id, endpoint.name) for endpoint in version.endpoints
    ]
    return any(asked)
