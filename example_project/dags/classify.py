"""The pipeline `classify` of ../valohai.yaml as a DAG: each node is a task, wherever Airflow's executor puts it."""

from __future__ import annotations

from datetime import datetime, timezone

from localhai.airflow import pipeline_dag

dag = pipeline_dag("classify", project="example", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc))
