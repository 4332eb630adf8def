"""A step in whose middle its machine dies: one whose next try may run anywhere, one whose next try runs there again."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow import DAG

from localhai.airflow import ValohaiSubmitExecutionOperator

for name, queue in (("lost", "any"), ("adopted", "one")):
    with DAG(name, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False) as dag:
        ValohaiSubmitExecutionOperator(
            task_id="slow",
            project_name="gated",
            step="slow",
            queue=queue,
            retries=1,
            retry_delay=timedelta(seconds=1),
        )
    globals()[name] = dag
