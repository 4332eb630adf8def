"""Pipelines that a scheduler runs."""

from __future__ import annotations

from localhai.airflow import pipeline_dag

handing_on = pipeline_dag("handing-on", project="airflow-scheduled", folder="../scheduled")
stopping = pipeline_dag("stopping", project="airflow-scheduled", folder="../scheduled")
