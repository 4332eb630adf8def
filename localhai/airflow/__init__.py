"""Airflow's operators, hook, trigger and sensor for Valohai: in local Docker or on the platform, by LOCALHAI_MODE.

A DAG written for Valohai runs its steps here while `LOCALHAI_MODE=dev`, and on the platform otherwise, unchanged. What
is imported here loads neither docker-py, boto3, SQLAlchemy nor a network client of localhai; tasks do, when they run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localhai.airflow.hook import ValohaiHook
    from localhai.airflow.operators.download_outputs import ValohaiDownloadExecutionOutputsOperator
    from localhai.airflow.operators.submit_execution import ValohaiSubmitExecutionOperator
    from localhai.airflow.operators.submit_pipeline import ValohaiSubmitPipelineOperator
    from localhai.airflow.pipelines.dag import pipeline_dag
    from localhai.airflow.sensor import ValohaiExecutionSensor
    from localhai.airflow.trigger import ValohaiTrigger

__all__ = [
    "ValohaiDownloadExecutionOutputsOperator",
    "ValohaiExecutionSensor",
    "ValohaiHook",
    "ValohaiSubmitExecutionOperator",
    "ValohaiSubmitPipelineOperator",
    "ValohaiTrigger",
    "pipeline_dag",
]

_PLACES = {
    "ValohaiDownloadExecutionOutputsOperator": "localhai.airflow.operators.download_outputs",
    "ValohaiExecutionSensor": "localhai.airflow.sensor",
    "ValohaiHook": "localhai.airflow.hook",
    "ValohaiSubmitExecutionOperator": "localhai.airflow.operators.submit_execution",
    "ValohaiSubmitPipelineOperator": "localhai.airflow.operators.submit_pipeline",
    "ValohaiTrigger": "localhai.airflow.trigger",
    "pipeline_dag": "localhai.airflow.pipelines.dag",
}


def __getattr__(name: str) -> Any:
    """Each class loads when it is first used: the parts without Airflow work where there is none."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
