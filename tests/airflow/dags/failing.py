"""Failures, each in a task of its own."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow import DAG

from localhai.airflow import ValohaiSubmitExecutionOperator

with DAG("failing", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False) as dag:
    ValohaiSubmitExecutionOperator(task_id="fail", project_name="airflow-tests", step="fail")
    more = {"retries": 3, "retry_delay": timedelta(seconds=1)}
    ValohaiSubmitExecutionOperator(task_id="no_step", project_name="airflow-tests", step="nothing", **more)
    ValohaiSubmitExecutionOperator(task_id="no_project", project_name="nowhere", step="noop")
