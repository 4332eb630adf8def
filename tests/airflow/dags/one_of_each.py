"""A step that does nothing, one that fails, one by names that do not exist, mapped ones, a deferred one, a pipeline."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG

from localhai.airflow import ValohaiExecutionSensor, ValohaiSubmitExecutionOperator, ValohaiSubmitPipelineOperator

with DAG("one_of_each", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False) as dag:
    noop = ValohaiSubmitExecutionOperator(task_id="noop", project_name="airflow-tests", step="noop")
    mapped = ValohaiSubmitExecutionOperator.partial(task_id="mapped", project_name="airflow-tests", step="make").expand(
        parameters=[{"count": 1}, {"count": 2}]
    )
    deferred = ValohaiSubmitExecutionOperator(
        task_id="deferred", project_name="airflow-tests", step="make", deferrable=True, polling_interval=0.2
    )
    pipeline = ValohaiSubmitPipelineOperator(task_id="pipeline", project_name="airflow-tests", pipeline="both")
    sensor = ValohaiExecutionSensor(task_id="sensor", execution_id="{{ ti.xcom_pull(task_ids='noop')['id'] }}")
    noop >> [mapped, deferred, pipeline, sensor]
