"""A step that is tried again at once."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow import DAG

from localhai.airflow import ValohaiSubmitExecutionOperator

with DAG(
    "two_tries_of_a_failure", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False
) as dag:
    ValohaiSubmitExecutionOperator(
        task_id="step", project_name="airflow-tests", step="fail", retries=1, retry_delay=timedelta(0)
    )
