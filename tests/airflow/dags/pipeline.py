"""A pipeline of valohai.yaml, each node a task."""

from __future__ import annotations

from localhai.airflow import pipeline_dag

dag = pipeline_dag("both", project="airflow-tests")
