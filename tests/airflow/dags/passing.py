"""Outputs of one task are inputs of the next, as DAGs of the original plugin do it."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG

from localhai.airflow import ValohaiDownloadExecutionOutputsOperator, ValohaiSubmitExecutionOperator

with DAG("passing", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False) as dag:
    make = ValohaiSubmitExecutionOperator(
        task_id="make", project_name="airflow-tests", step="make", parameters={"count": "{{ 1 + 2 }}"}, tags=["nightly"]
    )
    use = ValohaiSubmitExecutionOperator(
        task_id="use",
        project_name="airflow-tests",
        step="use",
        inputs={"data": ValohaiSubmitExecutionOperator.get_output_uri(task=make, name="lines.txt")},
    )
    download = ValohaiDownloadExecutionOutputsOperator(task_id="download", output_task=use, output_path="got")
    make >> use >> download
