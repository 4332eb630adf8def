"""A step that goes on until it is stopped."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG

from localhai.airflow import ValohaiSubmitExecutionOperator

with DAG("long", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False) as dag:
    ValohaiSubmitExecutionOperator(task_id="step", project_name="airflow-tests", step="long")
