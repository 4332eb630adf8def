"""A step that takes longer than its task may."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow import DAG

from localhai.airflow import ValohaiSubmitExecutionOperator

with DAG("too_long", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False) as dag:
    ValohaiSubmitExecutionOperator(
        task_id="too_long", project_name="airflow-tests", step="long", execution_timeout=timedelta(seconds=4)
    )
