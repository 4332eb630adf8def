"""What a scheduler runs: pipelines, and a step that goes on until it is stopped."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG

from localhai.airflow import ValohaiSubmitExecutionOperator, pipeline_dag

handing_on = pipeline_dag("handing-on", project="airflow-scheduled", folder="../scheduled")
stopping = pipeline_dag("stopping", project="airflow-scheduled", folder="../scheduled")

with DAG("marked", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False):
    ValohaiSubmitExecutionOperator(task_id="long", project_name="airflow-scheduled", step="long")

for name in ("marked-deferred", "marked-unseen"):
    with DAG(name, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False):
        for task in ("one", "two", "three"):
            ValohaiSubmitExecutionOperator(
                task_id=task, project_name="airflow-scheduled", step="long", title=f"{name} {task}", deferrable=True
            )
